"""The two times the sandbox reads: the wall's, for receipts, and the monotonic one, for limits."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time; passed in wherever the sandbox needs it."""

    def wall(self) -> float:
        """Return Unix time in seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some fixed point, never going backwards."""
        ...


class SystemClock:
    """The clock of this host."""

    def wall(self) -> float:
        """Return Unix time in seconds, as this host knows it."""
        return time.time()  # noqa: TID251 (this module is the clock)

    def monotonic(self) -> float:
        """Return seconds since some fixed point, never going backwards."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, *, wall: float = 1_700_000_000.0, monotonic: float = 1_000.0) -> None:
        self._wall = wall
        self._monotonic = monotonic

    def wall(self) -> float:
        """Return the Unix time it was set to."""
        return self._wall

    def monotonic(self) -> float:
        """Return the monotonic time it was set to."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both times forward by `seconds`."""
        if seconds < 0:
            raise ValueError(f"seconds: got {seconds!r}, expected a number of at least 0")
        self._wall += seconds
        self._monotonic += seconds
