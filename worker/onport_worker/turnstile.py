"""One thread per lane and process waits at the gate; the others stand by behind it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from onport_queue.clock import Clock

_REARM_S = 1.0


class Turnstile:
    """Lets one drain at a time to the gate, and says when another drain is wanted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gate = threading.Lock()
        self._count = threading.Lock()
        self._standing_by = 0
        self._called_at: float | None = None

    def arrive(self) -> None:
        """Note that a drain has begun: whoever was called for is here."""
        with self._count:
            self._called_at = None

    @contextmanager
    def turn(self, seconds: float) -> Iterator[bool]:
        """Wait for the turn at most so long; yields whether it came."""
        with self._count:
            self._standing_by += 1
        admitted = self._gate.acquire(timeout=max(0.0, seconds))
        with self._count:
            self._standing_by -= 1
        try:
            yield admitted
        finally:
            if admitted:
                self._gate.release()

    def another_wanted(self) -> bool:
        """Return whether nobody stands by and nobody has been called for within the last second."""
        now = self._clock.monotonic_s()
        with self._count:
            called = self._called_at is not None and now - self._called_at < _REARM_S
            if self._standing_by or called:
                return False
            self._called_at = now
            return True
