"""What a forked child needs: a shop's web server forks its workers."""

import os
import threading
from types import TracebackType


class ForkSafeLock:
    """A lock that a forked child finds free, whichever thread of its parent held it."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if self._pid != os.getpid():  # the threads that held it are not here
            self._pid, self._lock = os.getpid(), threading.Lock()
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()
