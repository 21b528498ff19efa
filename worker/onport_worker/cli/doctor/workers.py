"""Whether somebody does the work of an account."""

from collections.abc import Iterator

from onport_queue.durations import spoken
from onport_queue.ledger import AboutWorker, Stats
from onport_queue.picture.text import counted
from onport_worker import __version__
from onport_worker.cli.doctor.broker import MOST_SKEW_S, skewed
from onport_worker.cli.doctor.finding import Ailment, Finding, fault, of_account, warning, well

_START = "start one: celery -A onport_worker.app worker -P threads -Q high,low, or `up`"


def worker_findings(account: str, stats: Stats) -> Iterator[Finding]:
    """Yield who works, who is missed, and what nobody sees to."""
    alive = [worker for worker in stats.crew if worker.is_alive]
    if alive:
        names = ", ".join(worker.name for worker in alive)
        yield well("workers", of_account(account, f"at work: {names}"))
        yield from _unattended(account, stats, [one.about for one in alive if one.about])
    else:
        tell = fault if stats.unfinished else warning
        waiting = counted(stats.unfinished, "job is", "jobs are")
        seen = f"no worker is at work; {waiting} to be delivered"
        yield tell(Ailment.NO_WORKER, of_account(account, seen), _START)
    for worker in stats.crew:
        if not worker.is_alive:
            yield warning(
                Ailment.WORKER_LOST,
                of_account(
                    account,
                    f"worker {worker.name} has not looked for {spoken(worker.looked_ms / 1000)} "
                    "and did not take leave: it was killed, hangs, or has lost the broker",
                ),
                "see its log, start it again; one that is gone for good is forgotten in an hour",
            )
        elif abs(worker.skew_ms) > MOST_SKEW_S * 1000:
            yield fault(
                Ailment.WORKER_CLOCK_SKEW,
                f"the clock of worker {worker.name} is {skewed(worker.skew_ms / 1000)} "
                "the broker's",
                "let NTP set the clocks of both hosts (timedatectl set-ntp true)",
            )
    others = {one.name: one.about.version for one in alive if one.about and one.about.version}
    for name, version in others.items():
        if version != __version__:
            yield warning(
                Ailment.VERSION_SKEW,
                f"worker {name} runs version {version}, this command is of {__version__}",
                "bring both to one version; restart the worker after an upgrade",
            )
    if stats.overdue:
        yield fault(
            Ailment.LEASE_OVERDUE,
            of_account(
                account,
                f"{counted(stats.overdue, 'request is', 'requests are')} of workers that are gone",
            ),
            f"any worker takes them back within a second; {_START}",
        )


def _unattended(account: str, stats: Stats, crew: list[AboutWorker]) -> Iterator[Finding]:
    lanes = {lane for about in crew for lane in about.lanes}
    channels = {channel for about in crew for channel in about.channels}
    for lane in dict.fromkeys(stream.lane for stream in stats.streams):
        if lane not in lanes:
            waiting = counted(stats.pending_in(lane), "job")
            yield fault(
                Ailment.LANE_UNATTENDED,
                of_account(
                    account,
                    f"{waiting} of the {lane} lane, which no worker serves",
                ),
                f"start a worker with -Q {'high' if lane == 'high' else 'high,low'}",
            )
    for channel in dict.fromkeys(stream.channel for stream in stats.streams):
        if channel not in channels:
            pending = sum(one.pending for one in stats.streams if one.channel == channel)
            waiting = counted(pending, "job")
            yield fault(
                Ailment.CHANNEL_UNATTENDED,
                of_account(
                    account,
                    f"{waiting} of channel {channel}, whose webhook hash no worker has",
                ),
                "give the workers its hash and restart them",
            )
