"""Durations as people write and say them."""

from datetime import timedelta

from onport_queue.durations import parsed_duration
from onport_worker.cli.exits import UsageError


def duration(option: str, text: str) -> timedelta:
    """Return the duration an option names, e.g. ``10m``.

    Raises:
        UsageError: naming option and value.
    """
    try:
        return parsed_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {error}") from None


def spoken(seconds: float) -> str:
    """Return a duration in at most two units, e.g. ``3 min 20 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    days, hours, minutes = whole // 86_400, whole % 86_400 // 3_600, whole % 3_600 // 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {whole % 60} s"
    return f"{whole} s"
