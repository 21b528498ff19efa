"""What happened and what holds the relay up, a sentence each."""

from datetime import datetime, timedelta
from typing import assert_never

from onport_queue.durations import spoken
from onport_queue.events import Event, EventName
from onport_queue.ledger import OutageStats, PauseStats
from onport_queue.picture.text import counted, figure, local, printable
from onport_queue.scopes import spoken_scope

_CAUSES = {
    "operator": "by an operator",
    "throttled": "throttled",
    "outage": "an outage",
    "refused": "refused",
}


def spoken_cause(cause: str | None) -> str:
    """Return why something is paused."""
    return _CAUSES.get(cause or "", cause or "for no known cause")


def sentence(event: Event) -> str:
    """Return what happened."""
    return printable(_sentence(event))


def held_to(items: int | None, size: int | None) -> str:
    """Return the most that a batch may carry."""
    bounds = [counted(items, "item")] if items else []
    bounds += [counted(size, "byte")] if size else []
    return " and ".join(bounds)


def lost_data(emptied_ms: int) -> str:
    """Return what it means that the broker came back without its data, so long ago."""
    return (
        f"the broker came back without its data, noticed {spoken(emptied_ms / 1000)} ago: what had "
        "been accepted and was not delivered is not here. Put it again, then: onport-relay "
        "accept-loss"
    )


def pause_sentence(pause: PauseStats, now: datetime) -> str:
    """Return what is paused, why, until when, and how much waits behind it."""
    why = f"{pause.reason or 'no reason given'} ({spoken_cause(pause.cause)})"
    lasted = spoken(pause.since_ms / 1000)
    behind = f"{pause.behind:,} pending behind it"
    what = spoken_scope(pause.scope)
    return printable(f"{what}, {why}: {_until(pause, now)}; for {lasted}, {behind}")


def outage_sentence(outage: OutageStats) -> str:
    """Return how the breaker stands."""
    paused = "once" if outage.openings == 1 else f"{outage.openings:,} times in a row"
    then = "a probe is on its way" if outage.probing else "one probe is next, at once by `resume`"
    lasted = spoken(outage.since_ms / 1000)
    return f"the endpoint has failed for {lasted}, paused {paused}; {then}"


def _sentence(event: Event) -> str:
    match event.name:
        case EventName.RATE_LOWERED:
            climbs = "" if event.limit == event.to else f" and climbs to {_rate(event.limit)}"
            return (
                f"a 429 came at {_rate(event.from_)} requests/s: "
                f"it goes on at {_rate(event.to)}{climbs}"
            )
        case EventName.RATE_RESTORED:
            return f"no further 429: the rate is {_rate(event.to)} requests/s again"
        case EventName.RATE_SET if event.to is None:
            return "an operator gave back the configured rate"
        case EventName.RATE_SET:
            return f"an operator set the rate to {_rate(event.to)} requests/s"
        case EventName.OUTAGE_BEGAN:
            return f"an outage began: {_failures(event)} in a row failed{_last(event)}"
        case EventName.OUTAGE_ENDED:
            return f"the outage ended after {spoken(event.seconds or 0)}: a probe was answered"
        case EventName.PAUSED:
            answered = "" if event.status is None else f", answered {event.status}"
            return f"{_scope(event)} was paused ({spoken_cause(event.cause)}{answered})"
        case EventName.RESUMED:
            return f"{_scope(event)} is no longer paused ({spoken_cause(event.cause)})"
        case EventName.SIZE_LEARNED:
            return f"{event.kind} batches are held to {held_to(event.items, event.bytes)}"
        case EventName.EMPTIED:
            return "the broker came back without its data"
        case _:
            assert_never(event.name)


def _last(event: Event) -> str:
    if event.status is not None:
        return f", the last was answered {event.status}"
    return "" if event.cause is None else f", the last was not answered: {event.cause}"


def _failures(event: Event) -> str:
    return "? requests" if event.failures is None else counted(event.failures, "request")


def _rate(rate: float | None) -> str:
    return "?" if rate is None else figure(rate)


def _scope(event: Event) -> str:
    return spoken_scope(event.scope or "?")


def _until(pause: PauseStats, now: datetime) -> str:
    left = spoken(max(0, pause.left_ms) / 1000)
    if pause.cause == "refused":
        probe = "is due" if pause.left_ms <= 0 else f"in {left}"
        return f"until an answer is accepted, next probe {probe}"
    if pause.left_ms < 0:
        return "until resumed"
    return f"until {local(now + timedelta(milliseconds=pause.left_ms), now)}, {left} left"
