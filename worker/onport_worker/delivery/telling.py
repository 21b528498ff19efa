"""What became of a request, told to the log: its jobs, what was answered, what the gate learnt."""

from collections.abc import Sequence

from onport_queue.events import Event, EventName
from onport_queue.flight import Dead, Delivered, Granted, Retry, Settlement
from onport_queue.log import Log

_NEWS = frozenset({EventName.RATE_RESTORED, EventName.OUTAGE_ENDED, EventName.RESUMED})


def tell_settled(log: Log, granted: Granted, settlement: Settlement) -> None:
    """Tell which jobs were given up; to who looks for a fault also how each request ended."""
    about = {"kind": granted.kind.value, "channel": granted.channel, "lease": granted.lease}
    if settlement.status:
        about["status"] = settlement.status
    by_end: dict[type, list[str]] = {}
    for item, verdict in zip(granted.items, settlement.verdicts, strict=True):
        by_end.setdefault(type(verdict), []).append(item.key)
    for job in by_end.get(Dead, ()):
        log.warning("job_given_up", job=job, **about)
    if jobs := by_end.get(Delivered):
        log.debug("delivered", jobs=jobs, **about)
    if jobs := by_end.get(Retry):
        log.debug("attempt_failed", jobs=jobs, **about)


def tell_events(log: Log, events: Sequence[Event]) -> None:
    """Tell what the gate has learnt."""
    for event in events:
        tell = log.info if event.name in _NEWS else log.warning
        tell(event.name.value, **event.facts())
