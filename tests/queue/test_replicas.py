"""With replicas configured, a put returns when they have it."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from onport_queue.broker import connect, may_pass
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch, PutOutcome
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker
from onport_worker.embedded.address import choose_port
from onport_worker.embedded.binary import find_binary

WaitUntil = Callable[[Callable[[], bool]], None]
SALE = PutBatch(b"put-1", Kind.SALE, "default", Lane.HIGH, [Job("1", b"{}")])


@contextmanager
def replica_of(primary: redis.Redis, home: Path) -> Iterator[None]:
    """Run a server that follows another, on loopback."""
    options = primary.connection_pool.connection_kwargs
    port = str(choose_port(0, last=None))
    command = [str(find_binary(None)), "--port", port, "--bind", "127.0.0.1", "--dir", str(home)]
    command += ["--replicaof", "127.0.0.1", str(options["port"])]
    command += ["--primaryauth", options["password"], "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[redis.Redis]:
    with (
        EmbeddedBroker(tmp_path / "primary", appendfsync="no") as broker,
        connect(broker.url) as client,
    ):
        yield client


def test_a_put_that_a_replica_has_returns(
    primary: redis.Redis, tmp_path: Path, wait_until: WaitUntil
) -> None:
    with replica_of(primary, tmp_path):
        wait_until(lambda: primary.info("replication").get("slave0", {}).get("state") == "online")
        primary.function_flush()
        reply = Queue(primary, replicas=1).put(SALE)
    assert reply.outcomes == (PutOutcome.PENDING,)


def test_a_put_that_no_replica_has_is_unknown_and_safe_to_repeat(primary: redis.Redis) -> None:
    queue = Queue(primary, replicas=1)
    for _ in range(2):
        with pytest.raises(RedisTimeoutError, match="0 of 1 replicas have it"):
            queue.put(SALE)
    stats = queue.stats()
    assert (stats.pending, stats.ledger.duplicate, stats.imbalance) == (1, 1, 0)


def test_a_broker_that_misses_its_replicas_may_take_the_put_later(primary: redis.Redis) -> None:
    queue = Queue(primary, replicas=1)
    queue.stats()  # it knows the scripts from here on
    primary.config_set("min-replicas-to-write", 1)
    with pytest.raises(ResponseError, match="NOREPLICAS") as refused:
        queue.put(SALE)
    assert may_pass(refused.value)
