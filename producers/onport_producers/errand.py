"""Calling the broker, and waiting no longer than a checkout can, whatever it is that hangs.

A socket's time-out bounds one read. It bounds neither the name server, nor the many small answers
in which a slow broker lets a client in.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

_Result = TypeVar("_Result")
_IDLES_S = 10.0


class Errands:
    """Threads that do what may hang, as many as there are at once; they belong to one process.

    One that has had nothing to do for a while ends: a shop may make a producer for each request.

    Not a ThreadPoolExecutor: a process that ends would wait for what hangs, and one that was forked
    behind Python's back for its parent's threads, for good.
    """

    def __init__(self, *, idles_s: float = _IDLES_S) -> None:
        self._idles_s = idles_s
        self._idle = threading.Semaphore(0)
        # By its module: what gevent patches late is not found under a name that was taken early.
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

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
        ended: Future[None] = Future()

        def errand() -> None:
            try:
                done.append(work())
                afterwards(done[0])
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                ended.set_exception(error)
            else:
                ended.set_result(None)

        self._begin(errand)
        try:
            ended.result(bound_s)
        except TimeoutError:
            if not done:
                raise RedisTimeoutError(f"no answer within {bound_s} s") from None
        return done[0]

    def _begin(self, errand: Callable[[], None]) -> None:
        if not self._idle.acquire(blocking=False):
            thread = threading.Thread(target=self._work, name="onport-relay-put", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the process is at its limit, or about to end
                raise RedisConnectionError(f"not asked: {error}") from error
        self._waiting.put(errand)

    def _work(self) -> None:
        while True:
            try:
                errand = self._waiting.get(timeout=self._idles_s)
            except queue.Empty:
                if self._idle.acquire(blocking=False):  # nobody counts on it any more
                    return
                continue
            errand()
            del errand
            self._idle.release()
