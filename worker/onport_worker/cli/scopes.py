"""What can be paused, as commands name it and as people read it."""

from onport_queue.names import Lane
from onport_worker.cli.channels import checked_channel
from onport_worker.cli.exits import UsageError

ACCOUNT = "account"


def scope_of(lane: Lane | None, channel: str | None) -> str:
    """Return the scope of --lane or --channel; without either it is the account's.

    Raises:
        UsageError: both are given, or the channel is no name.
    """
    if lane is not None and channel is not None:
        raise UsageError(
            f"--lane {lane} and --channel {channel}: expected one of them, "
            "or neither for the whole account"
        )
    if lane is not None:
        return f"lane:{lane}"
    return ACCOUNT if channel is None else f"channel:{checked_channel(channel)}"


def spoken_scope(scope: str) -> str:
    """Return a scope in words, e.g. ``the low lane``."""
    match scope.split(":"):
        case ["account"]:
            return "the whole account"
        case ["lane", lane]:
            return f"the {lane} lane"
        case ["channel", channel]:
            return f"channel {channel}"
        case ["endpoint", channel, kind]:
            return f"{kind} requests of channel {channel}"
        case _:
            return scope
