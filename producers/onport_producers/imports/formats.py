"""Which format a file has: by its name, else by how it begins."""

from enum import StrEnum
from pathlib import PurePath

from onport_producers.imports.errors import UnreadableError


class Format(StrEnum):
    """What can be read."""

    JSON = "json"
    JSON_LINES = "jsonl"
    CSV = "csv"


_BY_EXTENSION = {".csv": Format.CSV, ".jsonl": Format.JSON_LINES, ".ndjson": Format.JSON_LINES}


def recognized(name: str, first: bytes) -> Format:
    """Return the format of a file called `name` whose first byte that is no space is `first`.

    JSON may still turn out to be JSON Lines: both begin with a brace.

    Raises:
        UnreadableError: it is none of them.
    """
    by_name = _BY_EXTENSION.get(PurePath(name).suffix.lower())
    if by_name is Format.CSV:
        return by_name
    if first == b"[":
        return Format.JSON
    if first == b"{":
        return by_name or Format.JSON
    if by_name is not None:
        return by_name
    raise UnreadableError("begins like neither JSON nor a .csv file; --format says what it is")
