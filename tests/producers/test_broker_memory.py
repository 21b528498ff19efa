"""Redis time as guessed while Redis is away."""

import threading
from datetime import UTC, datetime, timedelta

from onport_producers.broker_memory import BrokerMemory

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


class HandClock:
    """Two clocks, each moved by hand."""

    def __init__(self) -> None:
        self.wall_ahead_s = 0.0
        self.now_s = 100.0

    def wall(self) -> datetime:
        return NOON + timedelta(seconds=self.now_s - 100.0 + self.wall_ahead_s)

    def monotonic_s(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.now_s += seconds
        return event.is_set()


def test_it_goes_on_from_what_redis_said_last() -> None:
    clock = HandClock()
    memory = BrokerMemory(clock)
    memory.learn_time(NOON_MS + 5_000, began_s=99.9, ended_s=100.1)
    clock.now_s += 10
    assert memory.now_ms() == NOON_MS + 15_000
    assert round(memory.offset_ms()) == 5_000


def test_a_step_of_the_time_of_day_does_not_matter() -> None:
    clock = HandClock()
    memory = BrokerMemory(clock)
    memory.learn_time(NOON_MS, began_s=100, ended_s=100)
    clock.wall_ahead_s = -3_600
    clock.now_s += 1
    assert memory.now_ms() == NOON_MS + 1_000
    assert round(memory.offset_ms()) == 3_600_000


def test_a_new_process_goes_by_the_time_of_day_and_the_known_offset() -> None:
    memory = BrokerMemory(HandClock())
    assert memory.now_ms() == NOON_MS
    memory.recall(60_000, "epoch")
    assert memory.now_ms() == NOON_MS + 60_000
    assert memory.offset_ms() == 60_000


def test_it_never_runs_backwards() -> None:
    clock = HandClock()
    memory = BrokerMemory(clock)
    memory.learn_time(NOON_MS + 9_000, began_s=100, ended_s=100)
    memory.learn_time(NOON_MS, began_s=100, ended_s=100)
    assert memory.now_ms() == NOON_MS + 9_000


def test_what_is_soon_is_not_guessed_before_redis_has_told_its_time() -> None:
    memory = BrokerMemory(HandClock())
    assert memory.within_ms(0.25) is None
    memory.learn_time(NOON_MS, began_s=100, ended_s=100)
    assert memory.within_ms(0.25) == NOON_MS + 249
