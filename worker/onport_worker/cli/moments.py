"""Moments that options name."""

from datetime import datetime

from onport_queue.clock import Clock
from onport_worker.cli.exits import UsageError


def moment_to_come(option: str, text: str, clock: Clock) -> datetime:
    """Return the moment an option names, e.g. ``2026-12-01T08:00``; by this host's time zone
    unless it names one.

    Raises:
        UsageError: naming option and value; it is none, or is over.
    """
    try:
        at = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text!r}: expected a date and time, e.g. 2026-12-01T08:00, or with its "
            "zone 2026-12-01T08:00+01:00"
        ) from None
    if at <= clock.wall():
        raise UsageError(f"{option} {text!r}: is over; expected a time to come")
    return at
