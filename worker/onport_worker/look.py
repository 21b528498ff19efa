"""The once-a-second look: work that no wake-up announced still moves within a second."""

import threading
from collections.abc import Sequence

from redis.exceptions import RedisError

from onport_producers.wakeup import Waker
from onport_queue.clock import Clock
from onport_queue.errors import NewerFormatError
from onport_queue.flight import Prints
from onport_queue.log import Log
from onport_queue.names import Lane
from onport_queue.store import Queue
from onport_worker import __version__

EVERY_S = 1.0


class Look:
    """Looks for pending, due, expired and unpaused work of the lanes this worker serves."""

    def __init__(
        self,
        queue: Queue,
        waker: Waker,
        lanes: Sequence[Lane],
        clock: Clock,
        *,
        worker: str,
        prints: Prints,
    ) -> None:
        self._queue = queue
        self._log = Log(__name__, account=queue.account)
        self._waker = waker
        self._lanes = tuple(lanes)
        self._clock = clock
        self._worker = worker
        self._prints = prints
        self._epoch = ""
        self._failing_since_s: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._until_stopped, name="look", daemon=True)

    def start(self) -> None:
        """Begin to look, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()

    def once(self) -> None:
        """Promote what is due, and wake every lane that has work nobody else has looked at."""
        self._watch_epoch()
        lanes = self._queue.look(
            self._lanes,
            worker=self._worker,
            version=__version__,
            wall_ms=round(self._clock.wall().timestamp() * 1000),
            prints=self._prints,
        )
        for lane in lanes:
            self._waker.wake(self._queue.account, lane)

    def _watch_epoch(self) -> None:
        epoch = self._queue.epoch(self._epoch)
        if self._epoch and epoch != self._epoch:
            # Without this an empty queue would pass for one whose work is done.
            self._log.error("broker_emptied", before=self._epoch, now=epoch)
        self._epoch = epoch

    def _until_stopped(self) -> None:
        while True:
            try:
                self.once()
                self._note_success()
            except RedisError as error:
                self._note_failure(error)
            if self._clock.wait(self._stop, EVERY_S):
                return

    def _note_failure(self, error: RedisError) -> None:
        if self._failing_since_s is None:
            self._failing_since_s = self._clock.monotonic_s()
            self._log.warning("broker_lost", error=type(error).__name__)
            if isinstance(error, NewerFormatError):
                self._log.error("queue_is_newer", error=str(error))

    def _note_success(self) -> None:
        if self._failing_since_s is not None:
            seconds = self._clock.monotonic_s() - self._failing_since_s
            self._log.warning("broker_back", after_s=round(seconds, 1))
            self._failing_since_s = None
