"""Points in time as people read them, by the clock of this machine."""

from datetime import datetime


def local(at: datetime, now: datetime) -> str:
    """Return the time of day, e.g. ``14:32:05``, after the date unless that is today's."""
    here = at.astimezone()
    is_today = here.date() == now.astimezone().date()
    return here.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")
