from pathlib import Path

import pytest
import redis

from onport_producers import Producer
from onport_queue.names import Lane
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue


class CountingWaker:
    """Remembers which lanes were woken."""

    def __init__(self) -> None:
        self.woken: list[Lane] = []

    def wake(self, account: str, lane: Lane) -> None:
        del account
        self.woken.append(lane)


@pytest.fixture
def settings(broker_url: str, tmp_path: Path) -> Settings:
    return load_settings(
        redis_url=broker_url, rate=10, batch_items=50, data_dir=tmp_path, channels={"uk": {}}
    )


@pytest.fixture
def waker() -> CountingWaker:
    return CountingWaker()


@pytest.fixture
def producer(settings: Settings, waker: CountingWaker, redis_client: redis.Redis) -> Producer:
    del redis_client  # it empties the broker
    return Producer(settings, waker=waker)


@pytest.fixture
def queue(redis_client: redis.Redis) -> Queue:
    return Queue(redis_client)
