"""What is kept of a file while it is read: rows that others refer to, and rows that wait for them.

Kept in a temporary database: in memory while that is little, else in a file that the system removes
by itself. So a row may stand any number of rows before or after the one it refers to.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from onport_producers.imports.table import Row


class Parents:
    """Rows by their names, and rows that were read before the one they name."""

    def __init__(self) -> None:
        # An empty name is a temporary database; it is used by whatever thread reads the file.
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("CREATE TABLE parents (name TEXT PRIMARY KEY, cells TEXT) WITHOUT ROWID")
        self._rows.execute(
            "CREATE TABLE waiting (id INTEGER PRIMARY KEY, line INTEGER, cells TEXT)"
        )
        self._rows.execute("BEGIN")
        self._latest: tuple[str, Sequence[str]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rows.close()

    def add(self, names: Sequence[str], cells: Sequence[str]) -> None:
        """Keep a row under each of its names; the first row of a name is kept."""
        text = json.dumps(cells)
        self._rows.executemany(
            "INSERT OR IGNORE INTO parents VALUES (?, ?)", [(name, text) for name in names]
        )

    def get(self, name: str) -> Sequence[str] | None:
        """Return the row of a name, if it was read already."""
        # Children mostly stand together.
        if self._latest is None or self._latest[0] != name:
            found = self._rows.execute("SELECT cells FROM parents WHERE name = ?", (name,))
            row = found.fetchone()
            if row is None:
                return None
            self._latest = name, json.loads(row[0])
        return self._latest[1]

    def set_aside(self, row: Row) -> None:
        """Keep a row until the whole file has been read."""
        cells = json.dumps(row.cells)
        self._rows.execute("INSERT INTO waiting (line, cells) VALUES (?, ?)", (row.line, cells))

    def waiting(self) -> Iterator[Row]:
        """Yield what was set aside, in its order."""
        for line, cells in self._rows.execute("SELECT line, cells FROM waiting ORDER BY id"):
            yield Row(line, json.loads(cells))
