"""Calling the broker, and waiting no longer than a checkout can, whatever it is that hangs.

A socket's time-out bounds one read. It bounds neither the name server, nor the many small answers
in which a slow broker lets a client in.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

_Result = TypeVar("_Result")
_IDLES_S = 10.0


class Errands:
    """Threads that do what may hang, as many as there are at once; they belong to one process.

    One that has had nothing to do for a while ends: a shop may make a producer for each request.

    Not a ThreadPoolExecutor: a process that ends would wait for what hangs, and one that was forked
    behind Python's back for its parent's threads, for good. And bare locks, for a put is short: a
    queue and a Future cost it three times as much.
    """

    def __init__(self, *, idles_s: float = _IDLES_S) -> None:
        self._idles_s = idles_s
        self._idle: list[_Runner] = []

    def run(
        self,
        work: Callable[[], _Result],
        *,
        bound_s: float,
        afterwards: Callable[[_Result], None] = lambda _: None,
    ) -> _Result:
        """Return what the work returned, or raise what it raised; what hangs is left to itself.

        Args:
            work: what the caller needs.
            bound_s: how long is waited.
            afterwards: told what it returned; waited for only as far as there is time.

        Raises:
            redis.exceptions.TimeoutError: it takes longer; its outcome is unknown.
            redis.exceptions.ConnectionError: no thread can be had for it.
        """
        done: list[_Result] = []
        failed: list[BaseException] = []
        ended = _taken_lock()

        def errand() -> None:
            try:
                done.append(work())
                afterwards(done[0])
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                failed.append(error)
            finally:
                ended.release()

        self._begin(errand)
        if ended.acquire(timeout=bound_s) and failed:
            raise failed[0]
        if not done:
            raise RedisTimeoutError(f"no answer within {bound_s} s")
        return done[0]

    def _begin(self, errand: Callable[[], None]) -> None:
        try:
            runner = self._idle.pop()
        except IndexError:
            runner = _Runner(self._idle, self._idles_s)
        runner.begin(errand)


class _Runner:
    """A thread that does one errand after the other, and between them stands among the idle."""

    def __init__(self, idle: "list[_Runner]", idles_s: float) -> None:
        self._idle = idle
        self._idles_s = idles_s
        self._called = _taken_lock()
        self._errand = _nothing
        thread = threading.Thread(target=self._run, name="onport-relay-put", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the process is at its limit, or about to end
            raise RedisConnectionError(f"not asked: {error}") from error

    def begin(self, errand: Callable[[], None]) -> None:
        self._errand = errand
        self._called.release()

    def _run(self) -> None:
        while self._is_called():
            errand, self._errand = self._errand, _nothing
            errand()
            del errand
            self._idle.append(self)

    def _is_called(self) -> bool:
        if self._called.acquire(timeout=self._idles_s):
            return True
        try:
            self._idle.remove(self)
        except ValueError:  # taken just now
            return self._called.acquire()
        return False


def _nothing() -> None: ...


def _taken_lock() -> threading.Lock:
    # By its module: what gevent patches late is not found under a name that was taken early.
    lock = threading.Lock()
    lock.acquire()
    return lock
