"""CSV of products: a header, then a product a row."""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence

from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.item import Item
from onport_producers.imports.pieces import Line, lines_of

NUMBERS = frozenset({"inventoryQuantity", "costPrice", "grams"})
"""The columns that the vendor documents as numbers."""

BOOLEANS = frozenset({"taxable"})
"""The columns that the vendor documents as booleans."""

_WHOLE = re.compile(r"-?[0-9]{1,300}")
_NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")
_TRUTH = {"true": True, "false": False}

_Value = str | int | float | bool


def read_csv(pieces: Iterable[bytes], *, keys: Sequence[str]) -> Iterator[Item]:
    """Yield the rows as products.

    Every column becomes a text field, but for the documented numbers and booleans, whose empty
    cells are left out.

    Args:
        pieces: the file.
        keys: columns that may key a product; one must be there and filled in every row.

    Raises:
        UnreadableError: naming line and column.
    """
    rows = _rows(lines_of(pieces))
    line, header = next(rows, (1, []))
    _check_header(header, keys, line)
    present = [key for key in keys if key in header]
    for line, cells in rows:
        if len(cells) != len(header):
            raise UnreadableError(
                f"{len(cells)} cells, expected {len(header)} as in the header", line
            )
        row = dict(zip(header, cells, strict=True))
        if not any(row[key].strip() for key in present):
            raise UnreadableError("empty, expected the product's key", line, present[0])
        yield Item(line, dict(_fields(row, line)))


def _rows(lines: Iterable[Line]) -> Iterator[tuple[int, list[str]]]:
    """Yield rows that are not blank, each with the line it begins on."""
    reader = csv.reader((line.text for line in lines), strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UnreadableError(f"not CSV: {error}", begins) from None
        if cells is None:
            return
        if cells:
            yield begins, cells


def _check_header(header: Sequence[str], keys: Sequence[str], line: int) -> None:
    for number, column in enumerate(header, 1):
        if not column.strip():
            raise UnreadableError(f"column {number} has no name in the header", line)
        if column in header[: number - 1]:
            raise UnreadableError("two columns of this name in the header", line, column)
    if not any(key in header for key in keys):
        hint = "; columns are separated by commas" if any(";" in name for name in header) else ""
        shown = ", ".join(header)[:200]
        raise UnreadableError(
            f"no column {' or '.join(keys)} to key a product by (columns: {shown}){hint}", line
        )


def _fields(row: dict[str, str], line: int) -> Iterator[tuple[str, _Value]]:
    for column, cell in row.items():
        if column in NUMBERS:
            if cell.strip():
                yield column, _number(cell.strip(), line, column)
        elif column in BOOLEANS:
            if cell.strip():
                yield column, _boolean(cell.strip(), line, column)
        else:
            yield column, cell


def _number(cell: str, line: int, column: str) -> int | float:
    if _WHOLE.fullmatch(cell):
        return int(cell)
    if _NUMBER.fullmatch(cell) and math.isfinite(number := float(cell)):
        return number
    raise UnreadableError(f"{cell[:40]!r} is no number, expected e.g. 12 or 9.95", line, column)


def _boolean(cell: str, line: int, column: str) -> bool:
    try:
        return _TRUTH[cell.lower()]
    except KeyError:
        raise UnreadableError(f"{cell[:40]!r}, expected true or false", line, column) from None
