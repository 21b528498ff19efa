"""Time as a parameter: decisions about time take a Clock; tests move it instead of sleeping."""

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def wall(self) -> datetime:
        """Return the time of day, aware, in UTC."""

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards and go on while the machine is suspended."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, at most so long; return whether it is set."""


class SystemClock:
    """The machine's clocks."""

    # Linux stops CLOCK_MONOTONIC while the machine sleeps; a lease goes on expiring in the
    # meantime.
    _source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def wall(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return datetime.now(tz=UTC)  # noqa: TID251 - this is the clock module

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards and go on while the machine is suspended."""
        return time.clock_gettime(self._source)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, at most so long; return whether it is set."""
        return event.wait(max(0.0, seconds))
