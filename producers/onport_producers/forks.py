"""What a forked child needs: a shop's web server forks its workers."""

import os
import threading
from types import TracebackType
from weakref import WeakSet


class ForkSafeLock:
    """A lock that a forked child finds free, whichever thread of its parent held it."""

    def __init__(self) -> None:
        self._pid, self._lock = os.getpid(), threading.Lock()
        _locks.add(self)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Wait until it is free, and hold it."""
        if self._pid != os.getpid():  # forked behind Python's back, as uWSGI does
            self.renew()
        self._lock.acquire()

    def release(self) -> None:
        """Hold it no longer."""
        self._lock.release()

    def renew(self) -> None:
        """Be free: the threads that held it are not here."""
        self._pid, self._lock = os.getpid(), threading.Lock()


_locks: WeakSet[ForkSafeLock] = WeakSet()


def _renew_all() -> None:
    for lock in list(_locks):
        lock.renew()


os.register_at_fork(after_in_child=_renew_all)
