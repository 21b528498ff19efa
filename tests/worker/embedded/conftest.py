import threading
from datetime import UTC, datetime

import pytest

from onport_queue.clock import Clock


class HurriedClock:
    """A clock on which every wait for nothing is over at once."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self._now_s, tz=UTC)

    def monotonic_s(self) -> float:
        return self._now_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self._now_s += seconds
        return event.is_set()


@pytest.fixture
def hurried_clock() -> Clock:
    return HurriedClock()
