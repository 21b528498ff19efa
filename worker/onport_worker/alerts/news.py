"""What of it is news: decisions over what is wrong, what was told of it, and the time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from onport_queue.told import State, Told
from onport_worker.alerts.conditions import OF_HOST, Alert, Condition

REPEAT_AFTER = timedelta(hours=1)
AGAIN_AFTER = timedelta(seconds=30)
"""Who took something to be told and has not said since that it was, has failed."""

FORGOTTEN_AFTER = timedelta(days=1)
"""Of a host that is no more nobody can say that it is well again."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look has found; `known` is what it could find at all, of its own `host`."""

    conditions: Sequence[Condition]
    known: frozenset[Alert]
    host: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be told of one alert and written down; None: nothing is told, it is forgotten."""

    alert_id: str
    told: Told | None


def changes(before: Mapping[str, Told], sight: Sight, now: datetime) -> Iterator[Change]:
    """Yield what is to be told now."""
    on = {condition.id: condition for condition in sight.conditions}
    for alert_id, condition in on.items():
        told = before.get(alert_id)
        state = _state(told, now)
        if state is not None:
            since_ms = told.since_ms if told else ms(condition.since)
            yield Change(
                alert_id,
                Told(
                    alert=condition.alert,
                    state=state,
                    since_ms=since_ms,
                    at_ms=ms(now),
                    subject=condition.subject,
                ),
            )
    for alert_id, told in before.items():
        if alert_id in on or _is_being_told(told, now):
            continue
        if _is_in_sight(told, sight):
            over = {"state": State.RESOLVED, "at_ms": ms(now), "sent": False}
            yield Change(alert_id, told.model_copy(update=over))
        elif _passed(told, now) >= FORGOTTEN_AFTER:
            yield Change(alert_id, None)


def ms(at: datetime) -> int:
    """Return a time of day in ms."""
    return round(at.timestamp() * 1000)


def _state(told: Told | None, now: datetime) -> State | None:
    if told is None:
        return State.FIRING
    if not told.sent:
        unheard = State.FIRING if told.state is State.FIRING else State.REPEATED
        return None if _is_being_told(told, now) else unheard
    return State.REPEATED if _passed(told, now) >= REPEAT_AFTER else None


def _is_being_told(told: Told, now: datetime) -> bool:
    return not told.sent and _passed(told, now) < AGAIN_AFTER


def _passed(told: Told, now: datetime) -> timedelta:
    return timedelta(milliseconds=ms(now) - told.at_ms)


def _is_in_sight(told: Told, sight: Sight) -> bool:
    if told.alert not in sight.known:
        return False
    return told.alert not in OF_HOST or told.subject.get("host") == sight.host
