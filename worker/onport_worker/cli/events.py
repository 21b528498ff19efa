"""What the gate has learnt or was told, a sentence each."""

from typing import assert_never

from onport_queue.events import Event, EventName
from onport_worker.cli.durations import spoken
from onport_worker.cli.exits import printable
from onport_worker.cli.rate import figure
from onport_worker.cli.scopes import spoken_scope

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


def document(event: Event) -> dict[str, object]:
    """Return an event for a script."""
    facts = {name.rstrip("_"): fact for name, fact in event.facts().items()}
    return {"name": event.name.value, "ago_ms": event.ago_ms, **facts}


def held_to(items: int | None, size: int | None) -> str:
    """Return the most that a batch may carry."""
    bounds = [f"{items:,} items"] if items else []
    bounds += [f"{size:,} bytes"] if size else []
    return " and ".join(bounds)


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
            return f"an outage began: {event.failures} requests in a row failed"
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


def _rate(rate: float | None) -> str:
    return "?" if rate is None else figure(rate)


def _scope(event: Event) -> str:
    return spoken_scope(event.scope or "?")
