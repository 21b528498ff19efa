"""The leases this process holds: renewed in the background, asked before every send."""

import logging
import threading

from redis.exceptions import RedisError

from onport_queue.clock import Clock
from onport_queue.store import Queue

_log = logging.getLogger(__name__)


class Leases:
    """Knows until when each lease is surely ours, by a clock that counts suspends."""

    def __init__(self, queue: Queue, clock: Clock, term_s: float) -> None:
        self._queue = queue
        self._clock = clock
        self._term_s = term_s
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._renew_until_stopped, name="leases", daemon=True
        )

    def start(self) -> None:
        """Begin to renew in the background, three times a term."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing."""
        self._stop.set()
        self._thread.join()

    def hold(self, lease: str, claimed_at_s: float) -> None:
        """Note a lease that was claimed by a call begun at this monotonic time."""
        with self._lock:
            self._ends[lease] = claimed_at_s + self._term_s

    def drop(self, lease: str) -> None:
        """Forget a lease that has been settled."""
        with self._lock:
            self._ends.pop(lease, None)

    def left_s(self, lease: str) -> float:
        """Return for how long the lease is surely still ours; not positive: it is not."""
        with self._lock:
            return self._ends.get(lease, 0.0) - self._clock.monotonic_s()

    def renew(self) -> None:
        """Give every lease that is still ours a new term; forget those that are not."""
        began = self._clock.monotonic_s()
        with self._lock:
            ours = [lease for lease, ends in self._ends.items() if ends > began]
        if not ours:
            return
        held = self._queue.renew(ours, round(self._term_s * 1000))
        with self._lock:
            for lease in ours:
                if lease in self._ends:
                    self._ends[lease] = began + self._term_s if lease in held else 0.0

    def _renew_until_stopped(self) -> None:
        while not self._clock.wait(self._stop, self._term_s / 3):
            try:
                self.renew()
            except RedisError as error:
                _log.warning("lease_renewal_failed error=%s", type(error).__name__)
