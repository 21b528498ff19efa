"""What can be paused, as commands name it."""

from onport_queue.names import Lane
from onport_queue.scopes import ACCOUNT
from onport_worker.cli.channels import checked_channel
from onport_worker.cli.exits import UsageError


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
