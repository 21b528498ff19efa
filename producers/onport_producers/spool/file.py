"""The spool's SQLite file: opened when needed, closed before a fork, its faults in plain words.

SQLite's locks belong to a process, and two things take them away unseen: closing any other handle
of the same file, and a fork, whose child believes that it holds its parent's. Without them, whoever
closes the file deletes the log that others still write to, and what they have acknowledged is gone.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from weakref import WeakSet

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from onport_producers.forks import ForkSafeLock
from onport_queue.errors import SpoolError

# Other processes of the host hold the file for a few ms at a time. SQLite's own waiting sleeps up
# to 0.1 s between two looks, and among busy writers starves one for seconds.
_BUSY_S = 5.0
_LOOK_S = 0.005
_UNBOUNDED_PAGES = 2**30
_UNMARKED = 0
"""What SQLite says of a file whose format nobody has written down: it is the first one."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Opened:
    connection: sqlite3.Connection
    pid: int
    identity: tuple[int, int] | None


class SpoolFile:
    """A file with a schema, bounded in size, for its owner only; made when it is first opened.

    Args:
        path: where.
        schema: statements that make what is not there.
        version: of the format. An older file is read; a newer one is refused.
        most_mb: its bound.
    """

    def __init__(self, path: Path, schema: str, *, version: int, most_mb: int) -> None:
        self.path = path
        self._schema = schema
        self._version = version
        self._most_mb = most_mb
        self._opened: _Opened | None = None
        self._inherited: list[_Opened] = []
        with _turn:
            _files.add(self)

    def __del__(self) -> None:
        # Without the turn: whoever has it may be the one who collects this.
        if self._opened is not None and self._opened.pid == os.getpid():
            self._opened.connection.close()

    def is_there(self) -> bool:
        """Return whether it has been made. Raises SpoolError if that can't be told."""
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._unusable(error) from error
        return True

    def size(self) -> int:
        """Return how many bytes it has, without its side files."""
        return self.run(lambda _: self.path.stat().st_size)

    def run(
        self, work: Callable[[sqlite3.Connection], _Result], *, beyond_bound: bool = False
    ) -> _Result:
        """Do something with the open file, alone in this process; other processes are waited for.

        Args:
            work: one statement, or one transaction.
            beyond_bound: the file may grow for it although it is full.

        Raises:
            SpoolError: it can't be done; nothing has changed then.
        """
        patiently = Retrying(
            retry=retry_if_exception(_is_busy),
            stop=stop_after_delay(_BUSY_S),
            wait=wait_random(0, _LOOK_S),
            reraise=True,
        )
        try:
            return patiently(lambda: self._run(work, beyond_bound=beyond_bound))
        except sqlite3.Error as error:
            raise SpoolError(self._told(error)) from error
        except OSError as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Close it; it is opened again when it is needed."""
        with _turn:
            self.shut()

    def shut(self) -> None:
        """Close it, for a caller who has the turn."""
        self._leave_to_the_parent()
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.connection.close()

    def _leave_to_the_parent(self) -> None:
        # A fork behind Python's back, as uWSGI's: what was opened before must not be closed here.
        if self._opened is not None and self._opened.pid != os.getpid():
            self._inherited.append(self._opened)
            self._opened = None

    def _run(self, work: Callable[[sqlite3.Connection], _Result], *, beyond_bound: bool) -> _Result:
        with _turn:
            connection = self._connection()
            if not beyond_bound:
                return work(connection)
            connection.execute(f"PRAGMA max_page_count = {_UNBOUNDED_PAGES}")
            try:
                return work(connection)
            finally:
                self._bind(connection)

    def _connection(self) -> sqlite3.Connection:
        self._leave_to_the_parent()
        # Somebody may have moved or deleted it: what is written to it then, nobody would find.
        if self._opened is not None and self._opened.identity != _identity(self.path):
            self.shut()
        if self._opened is None:
            self._opened = _Opened(self._open(), os.getpid(), _identity(self.path))
        return self._opened.connection

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made by us, so that it never was readable for others; SQLite gives its side files the same
        # mode. One that is there is not touched: see above.
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            found = self._checked_version(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # Payloads are personal data: what was removed does not stay in the file.
            connection.execute("PRAGMA secure_delete = ON")
            self._bind(connection)
            connection.executescript(self._schema)
            if found == _UNMARKED:
                connection.execute(f"PRAGMA user_version = {self._version}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _checked_version(self, connection: sqlite3.Connection) -> int:
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > self._version:
            raise SpoolError(
                f"spool {self.path}: of format {found}, this release of the relay reads "
                f"{self._version}: upgrade it here; nothing was changed"
            )
        return found

    def _bind(self, connection: sqlite3.Connection) -> None:
        page = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {self._most_mb * 1_000_000 // page}")

    def _unusable(self, error: OSError) -> SpoolError:
        return SpoolError(f"spool {self.path}: {error.strerror}")

    def _told(self, error: sqlite3.Error) -> str:
        match _code(error):
            case sqlite3.SQLITE_FULL:
                what = (
                    f"full: it may have {self._most_mb} MB (spool_mb), or the disk is full; "
                    "it has not got the put. Redis may; putting it again is safe. "
                    "It empties when the broker is back"
                )
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                what = "can't be written; see to its folder, or set spool_path"
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                what = (
                    "damaged; keep it, for what it holds may be recovered (sqlite3 FILE .recover), "
                    "and move it away, with -wal and -shm beside it, so that puts are taken again"
                )
            case _:
                what = "can't be used"
        return f"spool {self.path}: {what} ({error})"


# One for all files of the process, so that a fork need wait for one thing only.
_turn = ForkSafeLock()
_files: WeakSet[SpoolFile] = WeakSet()


def _close_all() -> None:
    _turn.acquire()
    for file in _files:
        file.shut()


os.register_at_fork(before=_close_all, after_in_parent=_turn.release)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_BUSY
