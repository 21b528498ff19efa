"""What can be paused, as it is stored and as people read it."""

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
