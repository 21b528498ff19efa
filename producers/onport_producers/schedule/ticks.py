"""When a schedule is due: pure functions, the same for every beat.

Ticks are points of time that any beat works out alike: the minutes of a cron expression, or the
multiples of an interval since 1970 in UTC, so that ten beats speak of the same tick.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol, cast

from celery.schedules import crontab

from onport_queue.schedule import Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOURS_OF_A_DAY = 24
# A Monday that is the 29th of February: 40 years apart at most, over a century that has none.
_DAYS_SEARCHED = 41 * 366


class _Cron(Protocol):
    """What Celery has read from an expression."""

    minute: set[int]
    hour: set[int]
    day_of_month: set[int]
    month_of_year: set[int]
    day_of_week: set[int]


def newest_tick(schedule: Schedule, at: datetime) -> datetime:
    """Return the tick at a time, or the last one before it."""
    interval = schedule.interval
    if interval is not None:
        return _EPOCH + (at - _EPOCH) // interval * interval
    day = at.astimezone(schedule.zone).date()
    for back in range(_DAYS_SEARCHED):
        ticks = [tick for tick in _ticks_of(schedule, day - timedelta(back)) if tick <= at]
        if ticks:
            return max(ticks)
    raise AssertionError(f"{schedule.timing}: no such day")  # settings refuse it


def next_tick(schedule: Schedule, after: datetime) -> datetime:
    """Return the first tick after a time."""
    interval = schedule.interval
    if interval is not None:
        return newest_tick(schedule, after) + interval
    day = after.astimezone(schedule.zone).date()
    for ahead in range(_DAYS_SEARCHED):
        ticks = [tick for tick in _ticks_of(schedule, day + timedelta(ahead)) if tick > after]
        if ticks:
            return min(ticks)
    raise AssertionError(f"{schedule.timing}: no such day")  # settings refuse it


def _ticks_of(schedule: Schedule, day: date) -> Iterator[datetime]:
    cron = _parsed(schedule.cron or "")
    # Python's Monday is 0, cron's Sunday is.
    if (
        day.month not in cron.month_of_year
        or day.day not in cron.day_of_month
        or day.isoweekday() % 7 not in cron.day_of_week
    ):
        return
    # An hour that comes twice when summer ends is two of every hour, but one of those named.
    folds = (0, 1) if len(cron.hour) == _HOURS_OF_A_DAY else (0,)
    for hour in cron.hour:
        for minute in cron.minute:
            for fold in folds:
                local = datetime(
                    day.year, day.month, day.day, hour, minute, tzinfo=schedule.zone, fold=fold
                )
                # One that does not come when summer begins is an hour later.
                yield local.astimezone(UTC)


@lru_cache(maxsize=256)
def _parsed(cron: str) -> _Cron:
    return cast("_Cron", crontab.from_string(cron))
