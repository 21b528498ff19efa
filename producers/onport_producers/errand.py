"""Calling the broker, and waiting no longer than a checkout can, whatever it is that hangs.

A socket's time-out bounds one read. It bounds neither the name server, nor the many small answers
in which a slow broker lets a client in.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

# So many may hang at once; who comes then does not even begin, and waits no longer either.
_THREADS = 64

_Result = TypeVar("_Result")


class Errands:
    """Threads that do what may hang; belongs to one process."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="onport-relay-put")

    def run(
        self, work: Callable[[], _Result], afterwards: Callable[[_Result], None], *, bound_s: float
    ) -> _Result:
        """Return what the work returned, or raise what it raised; what hangs is left to itself.

        Args:
            work: what the caller needs.
            afterwards: told what it returned; waited for only as far as there is time.
            bound_s: how long is waited.

        Raises:
            redis.exceptions.TimeoutError: it takes longer; its outcome is unknown.
            redis.exceptions.ConnectionError: no thread can be had for it.
        """
        done: list[_Result] = []

        def errand() -> None:
            done.append(work())
            afterwards(done[0])

        try:
            errand_run = self._threads.submit(errand)
        except RuntimeError as error:  # the process is at its limit, or about to end
            raise RedisConnectionError(f"not asked: {error}") from error
        try:
            errand_run.result(bound_s)
        except TimeoutError:
            errand_run.cancel()
            if not done:
                raise RedisTimeoutError(f"no answer within {bound_s} s") from None
        return done[0]
