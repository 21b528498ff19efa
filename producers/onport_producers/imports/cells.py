"""From the text of a cell to what it means."""

import math
import re

from onport_producers.imports.errors import UnreadableError

NUMBERS = frozenset({"inventoryQuantity", "costPrice", "grams"})
"""The fields that the vendor documents as numbers."""

BOOLEANS = frozenset({"taxable"})
"""The fields that the vendor documents as booleans."""

_WHOLE = re.compile(r"-?[0-9]{1,300}")
_NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")
_TRUTH = {"true": True, "false": False}


def number(cell: str, line: int, column: str, *, decimal: str = ".") -> int | float:
    """Return a cell's number.

    Raises:
        UnreadableError: naming line and column.
    """
    text = cell.strip()
    if decimal == "," and "." not in text:
        text = text.replace(",", ".", 1)
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    example = "12 or 9,95" if decimal == "," else "12 or 9.95"
    raise UnreadableError(
        f"{cell.strip()[:40]!r} is no number, expected e.g. {example}", line, column
    )


def boolean(cell: str, line: int, column: str) -> bool:
    """Return a cell's truth.

    Raises:
        UnreadableError: naming line and column.
    """
    try:
        return _TRUTH[cell.strip().lower()]
    except KeyError:
        raise UnreadableError(f"{cell[:40]!r}, expected true or false", line, column) from None


def listed(cell: str) -> list[str]:
    """Return the values of a cell that holds several, separated by commas."""
    return [value for part in cell.split(",") if (value := part.strip())]
