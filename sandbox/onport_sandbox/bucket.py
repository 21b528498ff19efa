"""The strict rate limit: a token bucket on a clock it is told."""

from typing import Protocol

# Refilling in floating point leaves a token at 0.9999999999 when its time has come.
_ROUNDING = 1e-9


class Limit(Protocol):
    """Decides whether one more request may pass."""

    def take(self, now: float) -> float:
        """Take a token at monotonic time `now`; return 0, or the seconds until there is one."""
        ...


class TokenBucket:
    """Lets `burst` requests pass at once and `rate` per second in the long run."""

    def __init__(self, *, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._filled_at = now

    def take(self, now: float) -> float:
        """Take a token at monotonic time `now`; return 0, or the seconds until there is one."""
        refill = max(0.0, now - self._filled_at) * self._rate
        self._tokens = min(self._burst, self._tokens + refill)
        self._filled_at = now
        if self._tokens >= 1 - _ROUNDING:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class NoLimit:
    """Lets every request pass."""

    def take(self, now: float) -> float:  # noqa: ARG002 (the seam's signature)
        """Return 0: there is always a token."""
        return 0.0
