"""How the queue of an account stands: its books, its dead, what is paused and why."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from redis.exceptions import RedisError

from onport_queue.durations import spoken
from onport_queue.errors import NewerFormatError
from onport_queue.ledger import PauseStats, Stats
from onport_queue.names import Lane
from onport_queue.picture.sentences import outage_sentence
from onport_queue.picture.text import counted
from onport_queue.scopes import spoken_scope
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_queue.told import Told, ToldBook
from onport_worker.cli.doctor.finding import (
    Ailment,
    Finding,
    fault,
    of_account,
    warning,
    well,
    with_account,
)
from onport_worker.cli.doctor.workers import worker_findings
from onport_worker.delivery.credentials import Credentials

_FORGOTTEN_MS = 3_600_000
_LATE_MS = 30_000


def account_findings(
    queue: Queue, told: ToldBook, settings: Settings, now: datetime
) -> Iterator[Finding]:
    """Yield how one account stands.

    Args:
        queue: its queue.
        told: what somebody was told of it.
        settings: of the account.
        now: the time of day.
    """
    account = settings.account
    try:
        stats = queue.stats()
    except NewerFormatError as error:
        yield fault(
            Ailment.FORMAT_NEWER, of_account(account, str(error)), "upgrade the relay of this host"
        )
        return
    except RedisError as error:
        yield fault(
            Ailment.SCRIPTS_FAIL,
            f"our scripts can't run: {error}",
            "do what that says; at NOPERM let the broker's user run FUNCTION LOAD, and FCALL "
            "on the keys onport-relay:*; at READONLY set redis_url to the primary",
        )
        return
    held = f"{counted(stats.unfinished, 'job')} to deliver, {stats.dead:,} dead"
    yield well("queue", of_account(account, held))
    yield from worker_findings(account, stats)
    yield from _books(account, stats)
    yield from _deliveries(account, stats)
    for pause in stats.pauses:
        if pause.cause == "refused":
            yield _refused(pause, queue, settings)
        elif pause.cause == "operator" and pause.since_ms > _FORGOTTEN_MS:
            yield _forgotten(account, pause)
    if settings.alerts.webhook_url:
        yield from _untold(account, told.read().values(), now)


def _books(account: str, stats: Stats) -> Iterator[Finding]:
    if stats.imbalance:
        yield fault(
            Ailment.IMBALANCE,
            of_account(account, f"the ledger is off by {stats.imbalance:,}, expected 0"),
            "a defect of the relay, please report it with "
            f"{with_account(account, 'status --json')}",
        )
    if stats.emptied_ms is not None:
        ago = spoken(stats.emptied_ms / 1000)
        yield fault(
            Ailment.BROKER_EMPTIED,
            of_account(account, f"the broker came back without its data, noticed {ago} ago"),
            f"put again what was not delivered, then: {with_account(account, 'accept-loss')}",
        )


def _deliveries(account: str, stats: Stats) -> Iterator[Finding]:
    if stats.dead:
        yield fault(
            Ailment.DEAD_LETTERS,
            of_account(
                account,
                f"{counted(stats.dead, 'job is', 'jobs are')} dead: refused, or given up",
            ),
            f"{with_account(account, 'dead list')} shows the answers; then "
            "`dead replay` or `dead discard`",
        )
    if stats.outage is not None:
        yield fault(
            Ailment.OUTAGE,
            of_account(account, outage_sentence(stats.outage)),
            "it ends by itself with the first probe that is answered; until then nothing is lost. "
            "Was it base_url, correct it, restart the workers, then: "
            f"{with_account(account, 'resume')}",
        )
    oldest = max((one.oldest_ms for one in stats.streams if one.lane is Lane.HIGH), default=0)
    if oldest > _LATE_MS:
        yield fault(
            Ailment.SALES_LATE,
            of_account(account, f"a new sale has waited for {spoken(oldest / 1000)}"),
            f"{with_account(account, 'status')} says what is in its way",
        )


def _refused(pause: PauseStats, queue: Queue, settings: Settings) -> Finding:
    what, lasted = spoken_scope(pause.scope), spoken(pause.since_ms / 1000)
    seen = f"{what}, {pause.reason}, for {lasted}, {pause.behind:,} pending behind it"
    channel = pause.scope.split(":")[1]
    advice = "correct the hash, or base_url, and restart the workers: they try it at once"
    if channel in settings.channel_names and settings.hashes_of(channel):
        ours = Credentials(settings, queue.salt()).prints[channel]
        if set(ours) <= set(pause.prints):
            seen += "; refused was the hash, at the address, that this command has as well"
        else:
            seen += "; this command has a hash, or an address, that was not refused"
            advice = "give the workers the settings of this command and restart them"
    return fault(Ailment.REFUSED, of_account(settings.account, seen), advice)


def _forgotten(account: str, pause: PauseStats) -> Finding:
    command = " ".join(("resume", *_options(pause.scope)))
    return warning(
        Ailment.PAUSE_FORGOTTEN,
        of_account(
            account,
            f"{spoken_scope(pause.scope)} was paused by an operator "
            f"{spoken(pause.since_ms / 1000)} ago, {pause.behind:,} pending behind it",
        ),
        f"if that is over: {with_account(account, command)}",
    )


def _untold(account: str, told: Iterable[Told], now: datetime) -> Iterator[Finding]:
    last = max((one for one in told if one.problem), key=lambda one: one.at_ms, default=None)
    if last is not None:
        ago = spoken(max(0.0, now.timestamp() - last.at_ms / 1000))
        yield fault(
            Ailment.ALERT_UNTOLD,
            of_account(account, f"an alert could not be told {ago} ago: {last.problem}"),
            "`onport-relay alerts --test` tries the webhook; correct alerts.webhook_url and "
            "restart `up`, or `alerts`",
        )


def _options(scope: str) -> tuple[str, ...]:
    match scope.split(":"):
        case ["lane", lane]:
            return "--lane", lane
        case ["channel" | "endpoint", channel, *_]:
            return "--channel", channel
        case _:
            return ()
