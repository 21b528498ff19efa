"""One thread per lane and process waits at the gate; the others stand by behind it."""

import threading

from onport_queue.clock import Clock

_REARM_S = 1.0


class Turnstile:
    """Lets one drain at a time wait at the gate, and says when another drain is wanted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = threading.Lock()
        self._standing_by = 0
        self._called_at: float | None = None
        self.gate = threading.Lock()

    def arrive(self) -> None:
        """Note that a drain has begun: whoever was called for is here."""
        with self._count:
            self._called_at = None

    def stand_by(self, seconds: float) -> bool:
        """Wait for the gate at most so long; return whether it is ours."""
        with self._count:
            self._standing_by += 1
        admitted = self.gate.acquire(timeout=max(0.0, seconds))
        with self._count:
            self._standing_by -= 1
        return admitted

    def another_wanted(self) -> bool:
        """Return whether nobody stands by and nobody has been called for within the last second."""
        now = self._clock.monotonic_s()
        with self._count:
            called = self._called_at is not None and now - self._called_at < _REARM_S
            if self._standing_by or called:
                return False
            self._called_at = now
            return True


class Turn:
    """One drain's way to a token; to be closed, for nobody keeps the gate.

    While nobody waits there may be tokens, and then asking is not worth standing in line for: on a
    busy machine an answer takes as long as a request to a fast endpoint.
    """

    def __init__(self, turnstile: Turnstile) -> None:
        self._turnstile = turnstile
        self._is_ours = False

    def may_ask(self, seconds: float) -> bool:
        """Return whether to ask for a token, after standing by at most so long if others wait."""
        if self._is_ours or not self._turnstile.gate.locked():
            return True
        self._is_ours = self._turnstile.stand_by(seconds)
        return self._is_ours

    def may_wait(self) -> bool:
        """Return whether we are the one who waits for a token; else stand by, and ask again."""
        if not self._is_ours:
            self._is_ours = self._turnstile.gate.acquire(blocking=False)
        return self._is_ours

    def close(self) -> None:
        """Let the next one wait."""
        if self._is_ours:
            self._turnstile.gate.release()
