"""How long to wait. Pure functions: time and chance are passed in."""

import math
import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BASE_MS = 1_000
CAP_MS = 300_000
LONGEST_PAUSE_S = 3_600.0
DEFAULT_PAUSE_S = 1.0


def backoff_ms(attempts: int, chance: random.Random) -> int:
    """Return the delay before the next attempt: exponential with full jitter, 1 s up to 5 min.

    Args:
        attempts: how many have been made, at least 1.
        chance: where the jitter comes from.
    """
    ceiling = min(CAP_MS, BASE_MS << min(attempts - 1, 20))
    return math.ceil(chance.random() * ceiling)


def pause_s(retry_after: str | None, now: datetime) -> float:
    """Return how long a 429 pauses: its Retry-After in seconds or as an HTTP date, at most an hour.

    Absent, negative, zero or unreadable is a second.
    """
    seconds = _seconds(retry_after.strip(), now) if retry_after else None
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        return DEFAULT_PAUSE_S
    return min(seconds, LONGEST_PAUSE_S)


def _seconds(text: str, now: datetime) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
