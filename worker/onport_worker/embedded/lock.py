"""Who works in a data directory: one broker at a time, or two servers append to one file."""

import fcntl
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from onport_queue.clock import Clock
from onport_worker.embedded.errors import DirectoryInUseError

_NAME = "lock"
# An orphaned server needs about 0.1 s to write out and leave.
_PATIENCE_S = 3.0
_RETRY_S = 0.05


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a directory, as the lock file tells.

    Attributes:
        pid: the process that supervises the server.
        server_pid: the server itself; None while it is being started.
        port: where it listens.
    """

    pid: int
    server_pid: int | None
    port: int


class DirectoryLock:
    """The right to run a broker in a directory.

    The system drops it when the last process that has it open is gone, whatever way it went. The
    server gets it too (``fd``), so that an orphan which is still writing keeps others out.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def acquire(cls, directory: Path, *, clock: Clock) -> "DirectoryLock":
        """Return the lock of the directory, waiting a moment for an orphan to leave.

        Raises:
            DirectoryInUseError: another broker works there.
        """
        fd = os.open(directory / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
        never = threading.Event()
        deadline = clock.monotonic_s() + _PATIENCE_S
        while not _take(fd, fcntl.LOCK_EX):
            if clock.monotonic_s() >= deadline:
                holder = _read(fd)
                os.close(fd)
                raise DirectoryInUseError(
                    directory,
                    pid=holder.pid if holder else None,
                    server_pid=holder.server_pid if holder else None,
                    port=holder.port if holder else None,
                )
            clock.wait(never, _RETRY_S)
        return cls(fd)

    def last(self) -> Holder | None:
        """Return who held the directory last, if anybody did."""
        return _read(self.fd)

    def record(self, holder: Holder) -> None:
        """Write down who holds the directory, for those who are refused and those who connect."""
        server = "" if holder.server_pid is None else f" server={holder.server_pid}"
        line = f"pid={holder.pid} port={holder.port}{server}\n".encode()
        # Written over, then cut: a reader in between finds a whole line, never an empty file.
        os.pwrite(self.fd, line, 0)
        os.ftruncate(self.fd, len(line))

    def release(self) -> None:
        """Give the directory back. The server must be gone: it holds the lock too."""
        os.close(self.fd)


def holder_of(directory: Path) -> Holder | None:
    """Return who holds the directory now, or None."""
    try:
        fd = os.open(directory / _NAME, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        return None if _take(fd, fcntl.LOCK_SH) else _read(fd)
    finally:
        os.close(fd)


def _take(fd: int, mode: int) -> bool:
    try:
        fcntl.flock(fd, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(fd: int) -> Holder | None:
    line = os.pread(fd, 200, 0).split(b"\n")[0].decode("ascii", "replace")
    fields = dict(field.partition("=")[::2] for field in line.split())
    try:
        server = fields.get("server")
        return Holder(
            pid=int(fields["pid"]),
            server_pid=int(server) if server else None,
            port=int(fields["port"]),
        )
    except (KeyError, ValueError):
        return None
