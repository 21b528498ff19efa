"""A queue whose clock stands still until a test moves it."""

import pytest
import redis
from tests.queue.bench import Bench


@pytest.fixture
def bench(redis_client: redis.Redis) -> Bench:
    return Bench(redis_client)
