"""What of it is news: decisions over what is wrong, what was told of it, and the time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from onport_queue.told import State, Told
from onport_worker.alerts.conditions import OF_HOST, Alert, Condition, Subject

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
    heard_ms: dict[str, int] = {}
    for alert_id, told in before.items():
        group = together(told.alert, told.subject, alert_id)
        heard_ms[group] = max(told.at_ms, heard_ms.get(group, 0))
    for alert_id, condition in on.items():
        told_of = before.get(alert_id)
        group = together(condition.alert, condition.subject, alert_id)
        state = _state(told_of, now, heard_ms.get(group, 0))
        if state is not None:
            since_ms = told_of.since_ms if told_of else ms(condition.since)
            yield Change(
                alert_id,
                Told(
                    alert=condition.alert,
                    state=state,
                    since_ms=since_ms,
                    at_ms=ms(now),
                    subject=condition.subject,
                    problem=told_of.problem if told_of else "",
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


def together(alert: str, subject: Subject, alert_id: str) -> str:
    """Return the same for what is told in one notice: the dead sales of a channel.

    They are repeated together too, once none of them has been told of for an hour.
    """
    return f"{alert}:{subject['channel']}" if alert == Alert.DEAD_SALE else alert_id


def ms(at: datetime) -> int:
    """Return a time of day in ms."""
    return round(at.timestamp() * 1000)


def _state(told: Told | None, now: datetime, heard_ms: int) -> State | None:
    if told is None:
        return State.FIRING
    if not told.sent:
        unheard = State.FIRING if told.state is State.FIRING else State.REPEATED
        return None if _is_being_told(told, now) else unheard
    silent = timedelta(milliseconds=ms(now) - heard_ms)
    return State.REPEATED if silent >= REPEAT_AFTER else None


def _is_being_told(told: Told, now: datetime) -> bool:
    return not told.sent and _passed(told, now) < AGAIN_AFTER


def _passed(told: Told, now: datetime) -> timedelta:
    return timedelta(milliseconds=ms(now) - told.at_ms)


def _is_in_sight(told: Told, sight: Sight) -> bool:
    if told.alert not in sight.known:
        return False
    return told.alert not in OF_HOST or told.subject.get("host") == sight.host
