"""How long to wait. Pure functions: time and chance are passed in."""

import math
import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BASE_MS = 1_000
CAP_MS = 300_000


def backoff_ms(attempts: int, chance: random.Random) -> int:
    """Return the delay before the next attempt: exponential with full jitter, 1 s up to 5 min.

    Args:
        attempts: how many have been made, at least 1.
        chance: where the jitter comes from.
    """
    ceiling = min(CAP_MS, BASE_MS << min(attempts - 1, 20))
    return math.ceil(chance.random() * ceiling)


def asked_s(retry_after: str | None, date: str | None, now: datetime) -> float | None:
    """Return how many seconds a 429 asks to wait, or None if it does not say: the queue decides.

    Absent, zero, negative and unreadable is not saying; so is a time that has passed.

    Args:
        retry_after: the header, in seconds or an HTTP date.
        date: the answer's own Date header. A date is counted from there, since it was told by the
            same clock; ours may be off by hours.
        now: the time of day, for an answer without one.
    """
    if retry_after is None:
        return None
    seconds = _seconds(retry_after.strip(), date, now)
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        return None
    return seconds


def _seconds(text: str, date: str | None, now: datetime) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    until = _moment(text)
    if until is None:
        return None
    return (until - ((_moment(date) if date else None) or now)).total_seconds()


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
