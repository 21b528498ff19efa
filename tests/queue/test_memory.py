"""Puts leave the last of the memory to those who take jobs out."""

from collections.abc import Iterator

import pytest
import redis
from redis.exceptions import OutOfMemoryError

from onport_queue.broker import may_pass
from onport_queue.flight import Delivered, Gate, Granted, Retry, Settled, Settlement
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
from onport_queue.store import Queue

MEMORY = 64_000_000
FAST = Gate(rate=1e6)


@pytest.fixture
def limited(redis_client: redis.Redis) -> Iterator[redis.Redis]:
    redis_client.config_set("maxmemory", MEMORY)
    yield redis_client
    redis_client.config_set("maxmemory", 0)


def fill(limited: redis.Redis, share: float) -> None:
    """Use so much of the memory, with data of somebody else."""
    number = 0
    while limited.info("memory")["used_memory"] < share * MEMORY:
        limited.set(f"ballast-{number}", b"x" * 100_000)
        number += 1


def put(queue: Queue, *keys: str) -> None:
    jobs = [Job(key, b"{}") for key in keys]
    queue.put(PutBatch(keys[0].encode(), Kind.PRODUCT, "default", Lane.LOW, jobs))


def claimed(queue: Queue, lease: str) -> Granted:
    granted = queue.claim(Lane.LOW, FAST, lease)
    assert isinstance(granted, Granted)
    return granted


def test_a_put_is_refused_from_85_percent_on_and_changes_nothing(limited: redis.Redis) -> None:
    queue = Queue(limited)
    put(queue, "1")
    fill(limited, 0.86)
    limited.blpop("nothing", 0.11)  # memory that was enough is so for a tenth of a second
    with pytest.raises(OutOfMemoryError, match=r"puts may use 85 %") as refused:
        put(queue, "2")
    assert may_pass(refused.value)
    assert queue.stats().ledger.accepted == 1
    limited.delete(*limited.keys("ballast-*"))
    put(queue, "2")
    assert queue.stats().pending == 2


@pytest.mark.parametrize("share", [0.9, 0.998])
def test_what_was_taken_in_is_delivered_at_the_limit_too(
    limited: redis.Redis, share: float
) -> None:
    queue = Queue(limited)
    put(queue, *(str(number) for number in range(100)))
    fill(limited, share)
    batch = claimed(queue, "first")
    assert queue.renew(["first"], 30_000) == {"first"}
    retry = Settlement([Retry(0)] * len(batch.items), status="503")
    assert isinstance(queue.settle("first", retry), Settled)
    for lease in ("second", "third"):
        batch = claimed(queue, lease)
        queue.settle(lease, Settlement([Delivered()] * len(batch.items)))
    stats = queue.stats()
    assert (stats.ledger.delivered, stats.imbalance) == (100, 0)
