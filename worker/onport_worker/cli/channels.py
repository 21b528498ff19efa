"""Channels, as they are named on the command line."""

from onport_queue.names import checked_name
from onport_worker.cli.exits import UsageError


def checked_channel(name: str) -> str:
    """Return the value of --channel.

    Raises:
        UsageError: if it can't be a channel's name.
    """
    try:
        return checked_name("--channel", name)
    except ValueError as error:
        raise UsageError(str(error)) from None
