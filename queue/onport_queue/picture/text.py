"""Texts, moments and figures as people read them."""

from datetime import datetime


def printable(text: str) -> str:
    """Return the text without what could steer a terminal: it may come from a file or a server."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def local(at: datetime, now: datetime) -> str:
    """Return the time of day, e.g. ``14:32:05``, after the date unless that is today's."""
    here = at.astimezone()
    is_today = here.date() == now.astimezone().date()
    return here.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")


def figure(rate: float) -> str:
    """Return a rate to a precision that somebody may want."""
    return f"{rate:.5g}"


def counted(many: int, one: str, more: str | None = None) -> str:
    """Return a number of things, e.g. ``1 job``, ``1,200 jobs``; `more`: if it is not `one` + s."""
    return f"{many:,} {one if many == 1 else more or one + 's'}"
