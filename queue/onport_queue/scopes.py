"""What can be paused, as it is stored and as people read it."""

from onport_queue.names import Kind, Lane

ACCOUNT = "account"


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


def covers(scope: str, lane: Lane, channel: str, kind: Kind) -> bool:
    """Return whether a pause of the scope holds up the stream of this lane, channel and kind."""
    return scope in (ACCOUNT, f"lane:{lane}", f"channel:{channel}", f"endpoint:{channel}:{kind}")
