"""Cron expressions: whether one can be read, so that settings tell it with their other faults.

The grammar is what `celery.schedules.crontab` reads, which is what a beat uses; a test holds the
two together.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_WEEKDAYS = {
    name: day for day, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
}
_MONTHS = {
    name: month
    for month, name in enumerate(
        (*("jan", "feb", "mar", "apr", "may", "jun"), *("jul", "aug", "sep", "oct", "nov", "dec")),
        start=1,
    )
}
_DAYS_OF = dict.fromkeys(range(1, 13), 31) | dict.fromkeys((4, 6, 9, 11), 30) | {2: 29}
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([0-9]{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    words: Mapping[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 6, _WEEKDAYS),
)


def checked_cron(text: str) -> str:
    """Return a cron expression, its fields one space apart.

    Raises:
        ValueError: naming the field and what was expected.
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{text!r}: expected five fields: minute, hour, day of the month, month, "
            "day of the week, e.g. 0 3 * * *"
        )
    sets = [_values(field, written) for field, written in zip(_FIELDS, fields, strict=True)]
    if not any(day <= _DAYS_OF[month] for month in sets[3] for day in sets[2]):
        raise ValueError(f"{text!r}: no month has such a day")
    return " ".join(fields)


def _values(field: _Field, written: str) -> set[int]:
    values: set[int] = set()
    for part in written.split(","):
        values |= _part(field, part)
    return values


def _part(field: _Field, part: str) -> set[int]:
    found = _PART.fullmatch(part)
    if found is None:
        raise _fault(field, part)
    first, last, step = found.groups()
    every = range(field.lowest, field.highest + 1)
    if step is not None and (int(step) == 0 or (first is not None and last is None)):
        raise _fault(field, part)
    if first is None:
        return set(every[:: int(step or 1)])
    begin = _value(field, part, first)
    end = begin if last is None else _value(field, part, last)
    # A range may go over the end: fri-mon, 22-2.
    values = [*range(begin, field.highest + 1), *range(field.lowest, end + 1)]
    if begin <= end:
        values = [*range(begin, end + 1)]
    return set(values[:: int(step or 1)])


def _value(field: _Field, part: str, word: str) -> int:
    value = int(word) if word.isdigit() else field.words.get(word.lower(), -1)
    if not field.lowest <= value <= field.highest:
        raise _fault(field, part)
    return value


def _fault(field: _Field, part: str) -> ValueError:
    words = f" or {next(iter(field.words))} ... {[*field.words][-1]}" if field.words else ""
    return ValueError(
        f"{field.name} {part!r}: expected {field.lowest} to {field.highest}{words}, *, a range, "
        "a step (*/5, 1-9/2), or a list of these"
    )
