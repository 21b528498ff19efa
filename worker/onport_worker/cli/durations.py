"""Durations that options name."""

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
