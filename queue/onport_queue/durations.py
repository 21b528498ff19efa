"""Durations as people write and say them."""

import re
from datetime import timedelta

_WRITTEN = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def parsed_duration(text: str) -> timedelta:
    """Return the duration that a text names, e.g. ``10m``.

    Raises:
        ValueError: naming the value and what was expected.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(
            f"{text!r}: expected a whole number and s, m, h or d, e.g. 90s, 10m, 2h, 3d"
        )
    return timedelta(seconds=int(written[1]) * _UNITS_S[written[2]])


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
