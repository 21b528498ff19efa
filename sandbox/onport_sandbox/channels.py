"""Channels as the command line names them: a hash, or a name and a hash."""

import re
from collections.abc import Iterable

_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,63})=(?P<hash>=*[^=].*)")


def hashes_by_channel(arguments: Iterable[str]) -> dict[str, str]:
    """Return the hash of each channel; one given as `hash` is named by its position, from 1.

    `name=hash` names it. What only ends in `=`, as Base64 does, is a hash.

    Raises:
        ValueError: Two arguments name one channel.
    """
    hashes: dict[str, str] = {}
    for position, argument in enumerate(arguments, start=1):
        named = _NAMED.fullmatch(argument)
        name, value = (named["name"], named["hash"]) if named else (str(position), argument)
        if name in hashes:
            raise ValueError(f"channel: got {name!r} twice, expected a name for each hash")
        hashes[name] = value
    return hashes
