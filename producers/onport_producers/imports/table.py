"""CSV as rows of cells: its delimiter found in the header, its faults told row by row."""

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.item import MAX_ITEM_BYTES
from onport_producers.imports.pieces import lines_of, not_utf8

REASON = "rejected_because"
"""The column that a file of rejects adds; it is passed over when that is read again."""

_DELIMITERS = (",", ";", "\t")


class Row(NamedTuple):
    """A row that is not blank: the line it begins on, its cells, and what is wrong with it."""

    line: int
    cells: Sequence[str]
    fault: UnreadableError | None = None


class Table:
    """A header and the rows below it, which can be read once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Read the header.

        Raises:
            UnreadableError: naming the line.
        """
        # Python's own limit of a cell, 128 KB, is less than a product's description may have.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_ITEM_BYTES))
        self._badly_coded: UnreadableError | None = None
        self._last, self._lines = "", 0
        texts = self._texts(pieces)
        first = next((text for text in texts if text.strip()), "")
        self.delimiter = max(_DELIMITERS, key=first.count)
        # The blank lines above the header are no rows, but are counted.
        self._above = self._lines - 1
        self._reader = csv.reader(
            itertools.chain([first], texts), strict=True, delimiter=self.delimiter
        )
        head = next(self._records(), Row(1, ()))
        if head.fault is not None:
            raise head.fault
        self.line = head.line
        self._explained = list(head.cells[-1:]) == [REASON]
        self.header = tuple(head.cells[:-1] if self._explained else head.cells)

    def rows(self, *, padded: bool = False) -> Iterator[Row]:
        """Yield the rows.

        Args:
            padded: whether a row may have fewer cells than the header; else that is its fault.

        Raises:
            UnreadableError: nothing after this line can be told apart.
        """
        width = len(self.header)
        for row in self._records():
            cells = row.cells
            if self._explained and len(cells) > width:
                cells = cells[:-1]
            if row.fault is None and len(cells) != width:
                if padded and len(cells) < width:
                    yield Row(row.line, [*cells, *[""] * (width - len(cells))])
                    continue
                fault = f"{len(cells)} cells, expected {width} as in the header"
                yield Row(row.line, cells, UnreadableError(fault, row.line))
            elif any(cells):
                yield Row(row.line, cells, row.fault)

    def _records(self) -> Iterator[Row]:
        reader = self._reader
        while True:
            begins = self._above + reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                problem = UnreadableError(f"not CSV: {error}", begins)
                if self._above + reader.line_num > begins:
                    # Where the quotes do not match, later rows have become a part of this one.
                    raise problem from None
                yield Row(begins, [self._last.rstrip("\r\n")], problem)
                continue
            fault, self._badly_coded = self._badly_coded, None
            if cells:
                yield Row(begins, cells, fault)

    def _texts(self, pieces: Iterable[bytes]) -> Iterator[str]:
        for line in lines_of(pieces):
            self._lines = line.number
            try:
                self._last = line.raw.decode()
            except UnicodeDecodeError as error:
                self._badly_coded = not_utf8(line.raw[error.start], line.number)
                self._last = line.raw.decode(errors="surrogateescape")
            yield self._last
