"""A file of what was rejected, to be mended and sent again."""

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from onport_producers.imports.item import Rejected, Rows
from onport_producers.imports.table import REASON

_AS_IT_WAS = "surrogateescape"  # bytes that are no UTF-8 go out as they came in


class Rejects:
    """Writes what was rejected as it stood in its file.

    Of a table: the header and the rows, with the reason in a column of its own, and where a row
    can't be read without others (a variant without its product) those, too. Of JSON: one item a
    line.
    """

    def __init__(self, file: TextIO, header: Sequence[str]) -> None:
        self._file = file
        self._table = csv.writer(file)
        self._width = len(header)
        self._rows: Rows | None = None
        self._reasons: dict[int, str] = {}
        if header:
            self._table.writerow([*header, REASON])

    def add(self, rejected: Rejected) -> None:
        """Write what was rejected; rows that belong together once, when all their faults are known.

        Raises:
            OSError: it can't be written.
        """
        origin, fault = rejected.origin, rejected.fault
        if isinstance(origin, bytes):
            self._file.write(" ".join(origin.decode(errors=_AS_IT_WAS).splitlines()) + "\n")
            return
        if self._rows is None or self._rows.cells is not origin.cells:
            self.finish()
        self._rows = origin
        self._reasons[origin.at] = (
            f"{fault.field}: {fault.problem}" if fault.field else fault.problem
        )

    def finish(self) -> None:
        """Write what waits for more faults of its rows.

        Raises:
            OSError: it can't be written.
        """
        if self._rows is not None:
            for at, cells in enumerate(self._rows.cells):
                padded = [*cells, *[""] * (self._width - len(cells))]
                self._table.writerow([*padded, self._reasons.get(at, "")])
        self._rows, self._reasons = None, {}


@contextmanager
def opened_rejects(path: Path, header: Sequence[str]) -> Iterator[Rejects]:
    """Open a file of rejects, which is begun anew and, as it may hold personal data, its owner's.

    Raises:
        OSError: it can't be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors=_AS_IT_WAS, newline="") as file:
        rejects = Rejects(file, header)
        try:
            yield rejects
        finally:
            rejects.finish()
