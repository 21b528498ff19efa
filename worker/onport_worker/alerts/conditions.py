"""What is wrong, as seen in what the queue and this host's spool say of themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from onport_producers.spool import Contents
from onport_queue.ledger import PauseStats, Stats
from onport_worker.alerts.dead_sales import DeadSale

OUTAGE_LASTS = timedelta(seconds=10)
"""How long the endpoint fails before anybody is told: a shorter time is no news."""

AWAY_LASTS = timedelta(seconds=10)
"""The same of Redis."""

THROTTLED_LASTS = timedelta(minutes=5)
"""How long a 429 stops the account, or is to, before anybody is told."""


class Alert(StrEnum):
    """What somebody is told of."""

    DEAD_SALE = "dead_sale"
    CHANNEL_PAUSED = "channel_paused"
    STREAM_PAUSED = "stream_paused"
    OUTAGE = "outage"
    THROTTLED = "throttled"
    LEDGER_OFF = "ledger_off"
    BROKER_EMPTIED = "broker_emptied"
    BROKER_AWAY = "broker_away"
    SPOOL_IN_USE = "spool_in_use"
    SPOOL_REFUSED = "spool_refused"
    SPOOL_UNUSABLE = "spool_unusable"


OF_HOST = frozenset(
    {Alert.BROKER_AWAY, Alert.SPOOL_IN_USE, Alert.SPOOL_REFUSED, Alert.SPOOL_UNUSABLE}
)
"""What each host knows of itself only; its subject names the host."""

OF_QUEUE = frozenset(Alert) - OF_HOST

Subject = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong.

    Attributes:
        alert: what sort it is of.
        place: what tells it from others of its sort.
        since: when it began, as far as is known.
        subject: ids and figures; never what a payload or an answer says.
    """

    alert: Alert
    since: datetime
    place: str = ""
    subject: Subject = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What it is known by."""
        return f"{self.alert}:{self.place}"


def of_queue(stats: Stats, dead: Sequence[DeadSale], now: datetime) -> Iterator[Condition]:
    """Yield what is wrong with an account's queue."""
    for sale in dead:
        ids = {"channel": sale.channel, "sale": sale.id, "status": sale.status or "no answer"}
        yield Condition(Alert.DEAD_SALE, sale.died, f"{sale.channel}:{sale.id}", ids)
    for pause in stats.pauses:
        yield from _of_pause(pause, now)
    if stats.outage is not None:
        lasted = timedelta(milliseconds=stats.outage.since_ms)
        if lasted >= OUTAGE_LASTS:
            yield Condition(Alert.OUTAGE, now - lasted)
    if stats.imbalance:
        yield Condition(Alert.LEDGER_OFF, now, subject={"imbalance": stats.imbalance})
    if stats.emptied_ms is not None:
        yield Condition(Alert.BROKER_EMPTIED, now - timedelta(milliseconds=stats.emptied_ms))


def of_spool(contents: Contents, host: str, now: datetime, *, away: bool) -> Iterator[Condition]:
    """Yield what there is to say of this host's spool; `away`: Redis is."""
    if contents.oldest_s is not None:
        since = datetime.fromtimestamp(contents.oldest_s, now.tzinfo)
        holds: Subject = {
            "host": host,
            "puts": contents.puts,
            "jobs": contents.jobs,
            "broker": "away" if away else "there",
        }
        yield Condition(Alert.SPOOL_IN_USE, since, host, holds)
    if contents.refused_puts:
        refused: Subject = {"host": host, "puts": contents.refused_puts}
        yield Condition(Alert.SPOOL_REFUSED, now, host, refused)


def of_broker(away_since: datetime, host: str) -> Condition:
    """Return that Redis is away."""
    return Condition(Alert.BROKER_AWAY, away_since, host, {"host": host})


def of_unusable_spool(problem: str, host: str, now: datetime) -> Condition:
    """Return that this host's spool can't be read."""
    return Condition(Alert.SPOOL_UNUSABLE, now, host, {"host": host, "problem": problem})


def _of_pause(pause: PauseStats, now: datetime) -> Iterator[Condition]:
    lasted = timedelta(milliseconds=pause.since_ms)
    scope, _, place = pause.scope.partition(":")
    if pause.cause == "throttled":
        if lasted + timedelta(milliseconds=max(0, pause.left_ms)) >= THROTTLED_LASTS:
            yield Condition(Alert.THROTTLED, now - lasted)
    elif pause.cause == "refused":
        channel, _, kind = place.partition(":")
        if scope == "channel":
            subject = {"channel": channel, "reason": pause.reason}
            yield Condition(Alert.CHANNEL_PAUSED, now - lasted, place, subject)
        else:
            subject = {"channel": channel, "kind": kind, "reason": pause.reason}
            yield Condition(Alert.STREAM_PAUSED, now - lasted, place, subject)
