"""The spool: puts in a file, each on the disk before it is taken."""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onport_producers.codec import decoded, encoded
from onport_producers.kept import Entry
from onport_producers.spool.file import SpoolFile
from onport_queue.clock import Clock
from onport_queue.fold import Mode
from onport_queue.log import Log
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
from onport_queue.settings import Settings

_log = Log(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS puts (
    place INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, put_id BLOB NOT NULL,
    kind TEXT NOT NULL, channel TEXT NOT NULL, lane TEXT NOT NULL, mode TEXT NOT NULL,
    latest_ms INTEGER NOT NULL, not_before_ms INTEGER, skip_unchanged INTEGER NOT NULL,
    spooled_s REAL NOT NULL, many INTEGER NOT NULL, jobs BLOB NOT NULL, refused TEXT
);
CREATE TABLE IF NOT EXISTS facts (
    account TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (account, name)
) WITHOUT ROWID;
"""


_FORMAT = 1
_ORDINARY_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Refused:
    """A put that the broker refuses for good: it is set aside, with the reason."""

    place: int
    kind: str
    jobs: int
    reason: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What the spool holds for an account: puts that wait, their jobs, the file's size.

    Of those set aside `refused` has the first hundred, `refused_puts` is how many there are.
    """

    puts: int
    jobs: int
    oldest_s: float | None
    file_bytes: int
    refused_puts: int
    refused: tuple[Refused, ...]


class Spool:
    """One file a host, shared by its processes; thread-safe, and may be made before a fork.

    A put is on the disk when `append` returns (SQLite, WAL, synchronous FULL). The file holds
    payloads, so it is for its owner only. It is not made before there is something to keep.

    All methods raise SpoolError if the file can't be read or written; nothing has changed then.
    """

    def __init__(self, path: Path, account: str, *, most_mb: int, clock: Clock) -> None:
        self.path = path
        self._account = account
        self._clock = clock
        self._file = SpoolFile(path, _SCHEMA, version=_FORMAT, most_mb=most_mb)

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> "Spool":
        """Return this host's spool, as the settings have it."""
        path, most_mb = settings.spool_file, settings.spool_mb
        return cls(path, settings.account, most_mb=most_mb, clock=clock)

    def append(self, batch: PutBatch) -> None:
        """Keep a put, whose versions are not later than the time of Redis as guessed for it."""
        if batch.latest_ms is None:
            raise ValueError("a kept put needs latest_ms")
        self._file.run(
            lambda file: file.execute(
                "INSERT INTO puts (account, put_id, kind, channel, lane, mode, latest_ms,"
                " not_before_ms, skip_unchanged, spooled_s, many, jobs)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(self._account, batch.put_id, batch.kind, batch.channel, batch.lane or ""),
                    *(batch.mode, batch.latest_ms, batch.not_before_ms, batch.skip_unchanged),
                    *(self._clock.wall().timestamp(), len(batch.jobs), encoded(batch.jobs)),
                ),
            )
        )

    def check_room(self) -> None:
        """Raise SpoolError if a put of an ordinary size could not be kept now; keeps nothing."""

        def write_and_undo(file: sqlite3.Connection) -> None:
            file.execute("BEGIN IMMEDIATE")
            try:
                file.execute(
                    "INSERT INTO facts (account, name, value) VALUES (?, '', zeroblob(?))",
                    (self._account, _ORDINARY_BYTES),
                )
            finally:
                if file.in_transaction:  # a full disk may have ended it
                    file.execute("ROLLBACK")

        self._file.run(write_and_undo)

    def is_holding(self) -> bool:
        """Return whether puts wait; cheap enough to be asked before every put."""
        if not self._file.is_there():
            return False
        waiting = self._rows(
            "SELECT 1 FROM puts WHERE account = ? AND refused IS NULL LIMIT 1", self._account
        )
        return bool(waiting)

    def first(self, most: int, *, most_bytes: int = sys.maxsize) -> list[Entry]:
        """Return the puts that have waited longest, in order; one that can't be read is set aside.

        Args:
            most: how many at most.
            most_bytes: of what they hold, at which no more are read.
        """
        while self._file.is_there() and (rows := self._first(most, most_bytes)):
            entries = [entry for row in rows if (entry := self._entry(row))]
            if entries:
                return entries
        return []

    def remove(self, places: Sequence[int]) -> None:
        """Forget puts that the queue has."""
        if not places:
            return

        def delete(file: sqlite3.Connection) -> None:
            with _transaction(file):
                file.executemany("DELETE FROM puts WHERE place = ?", [(place,) for place in places])

        self._file.run(delete)

    def set_aside(self, place: int, reason: str) -> None:
        """Keep a put that can't be handed over, out of the way of the others."""
        _log.error("spooled_put_refused", place=place, reason=reason)
        # Its whole row is written again. In a full file, too: else it would hold up the others,
        # whose leaving makes room.
        self._file.run(
            lambda file: file.execute(
                "UPDATE puts SET refused = ? WHERE place = ?", (reason, place)
            ),
            beyond_bound=True,
        )

    def readmit(self) -> None:
        """Let what was set aside be flushed again, at its old place."""
        if self._file.is_there():
            sql, values = "UPDATE puts SET refused = NULL WHERE account = ?", (self._account,)
            self._file.run(lambda file: file.execute(sql, values), beyond_bound=True)

    def discard_refused(self, most: int) -> None:
        """Forget the puts that were set aside, at most so many, in order."""
        if most:
            sql = (
                "DELETE FROM puts WHERE place IN (SELECT place FROM puts"
                " WHERE account = ? AND refused IS NOT NULL ORDER BY place LIMIT ?)"
            )
            self._file.run(lambda file: file.execute(sql, (self._account, most)), beyond_bound=True)

    def fact(self, name: str) -> str | None:
        """Return what was noted under a name, or None."""
        if not self._file.is_there():
            return None
        found = self._rows(
            "SELECT value FROM facts WHERE account = ? AND name = ?", self._account, name
        )
        return found[0][0] if found else None

    def note(self, name: str, value: str) -> None:
        """Note a fact."""
        self._rows(
            "INSERT OR REPLACE INTO facts (account, name, value) VALUES (?, ?, ?)",
            self._account,
            name,
            value,
        )

    def contents(self) -> Contents:
        """Return what there is, for an operator."""
        if not self._file.is_there():
            return Contents(0, 0, None, 0, 0, ())
        # One pass: of a full file each takes a tenth of a second, in which nobody else puts.
        ((puts, jobs, oldest, refused_puts),) = self._rows(
            "SELECT count(*) FILTER (WHERE refused IS NULL),"
            " total(many) FILTER (WHERE refused IS NULL),"
            " min(spooled_s) FILTER (WHERE refused IS NULL), count(refused)"
            " FROM puts WHERE account = ?",
            self._account,
        )
        aside = self._set_aside() if refused_puts else ()
        return Contents(puts, int(jobs), oldest, self._file.size(), refused_puts, aside)

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        self._file.close()

    def _set_aside(self) -> tuple[Refused, ...]:
        rows = self._rows(
            "SELECT place, kind, many, refused FROM puts"
            " WHERE account = ? AND refused IS NOT NULL ORDER BY place LIMIT 100",
            self._account,
        )
        return tuple(Refused(*row) for row in rows)

    def _first(self, most: int, most_bytes: int) -> list[Any]:
        def read(file: sqlite3.Connection) -> list[Any]:
            rows, read_bytes = [], 0
            with closing(
                file.execute(
                    "SELECT place, put_id, kind, channel, lane, jobs, mode, latest_ms,"
                    " not_before_ms, skip_unchanged FROM puts"
                    " WHERE account = ? AND refused IS NULL ORDER BY place LIMIT ?",
                    (self._account, most),
                )
            ) as found:
                for row in found:
                    rows.append(row)
                    read_bytes += len(row[5])
                    if read_bytes >= most_bytes:
                        break
            return rows

        return self._file.run(read)

    def _entry(self, row: Any) -> Entry | None:
        try:
            return _entry(row)
        except (ValueError, TypeError, LookupError):
            self.set_aside(row[0], "can't be read: damaged, or of a newer release")
            return None

    def _rows(self, sql: str, *values: object) -> list[Any]:
        return self._file.run(lambda file: file.execute(sql, values).fetchall())


def _entry(row: Any) -> Entry:  # Any: sqlite3 has no types for what a table holds
    place, put_id, kind, channel, lane, jobs, mode, latest_ms, not_before_ms, skips = row
    batch = PutBatch(
        put_id=put_id,
        kind=Kind(kind),
        channel=channel,
        lane=Lane(lane) if lane else None,
        jobs=decoded(jobs),
        mode=Mode(mode),
        latest_ms=latest_ms,
        kept=True,
        not_before_ms=not_before_ms,
        skip_unchanged=bool(skips),
    )
    return Entry(place, batch)


@contextmanager
def _transaction(file: sqlite3.Connection) -> Iterator[None]:
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")
