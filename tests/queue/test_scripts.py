import re
from importlib.resources import files

import pytest
import redis
from tests.queue.bench import Bench

from onport_queue.flight import Delivered, Gate, Granted, Retry, Settled, Settlement
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch, PutOutcome
from onport_queue.scripts import SCRIPTS, Scripts, function, library
from onport_queue.store import Queue

NAMES = sorted(
    entry.name.removesuffix(".lua")
    for entry in (files("onport_queue") / "lua").iterdir()
    if entry.name.endswith(".lua")
)


def test_there_is_a_script_for_every_operation() -> None:
    assert list(SCRIPTS) == NAMES
    assert all(
        hasattr(Queue, name) for name in NAMES if name not in {"control", "schedule", "alerts"}
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_script_begins_with_a_header_of_arguments_and_reply(name: str) -> None:
    text = (files("onport_queue") / "lua" / f"{name}.lua").read_text(encoding="utf-8")
    header = re.match(r"(--.*\n)+", text)
    assert header is not None
    assert text.startswith(f"-- {name}: ")
    assert re.search(r"^-- ARGV  \S", header[0], re.MULTILINE)
    assert re.search(r"^-- Reply \S", header[0], re.MULTILINE)


def test_only_put_is_refused_at_the_memory_limit(redis_client: redis.Redis) -> None:
    Queue(redis_client).stats()
    (known,) = redis_client.function_list(f"*{function('put').rpartition('_')[2]}")
    flags = {item[1].decode(): item[5] for item in known[5]}
    assert flags.pop(function("put")) == []
    assert flags == {function(name): [b"allow-oom"] for name in NAMES if name != "put"}


def test_a_server_that_forgot_the_scripts_is_told_them_again(redis_client: redis.Redis) -> None:
    scripts = Scripts(redis_client, "onport-relay:{told-again}")
    arguments = ("low", 1, 2, 10, 50, 1000, "lease", 1000)
    assert scripts.run("claim", arguments) == [b"empty"]
    redis_client.function_flush()
    assert scripts.run("claim", arguments) == [b"empty"]


def test_releases_with_other_scripts_work_side_by_side(redis_client: redis.Redis) -> None:
    Queue(redis_client).stats()
    digest = function("stats").rpartition("_")[2]
    redis_client.function_load(library().replace(digest, "another"))
    Queue(redis_client).stats()
    assert redis_client.fcall(function("stats").replace(digest, "another"), 1, "onport-relay:{a}")


def test_a_call_that_fails_leaves_nothing_to_the_next_one(bench: Bench) -> None:
    bench.redis.set(bench.key("turns:high"), "not a sorted set")
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        bench.put("1", lane=Lane.HIGH)
    bench.redis.delete(*bench.redis.keys(f"{bench.prefix}*"))
    bench.hold()
    assert bench.put("1", lane=Lane.HIGH).outcomes == (PutOutcome.PENDING,)
    assert bench.queue.stats().imbalance == 0


def test_every_key_of_an_account_shares_its_hash_tag(bench: Bench) -> None:
    bench.put("1", "2", "3")
    bench.put_links(Kind.ACKNOWLEDGE, "sku", "link")
    claim = bench.claim()
    assert isinstance(claim, Granted)
    bench.put("1")
    bench.queue.settle(claim.lease, Settlement([Retry(1_000)]))
    bench.queue.pause("lane:high", None, "a test")
    bench.queue.look([Lane.LOW], worker="one")
    all_keys = bench.redis.keys("*")
    assert all_keys == bench.redis.keys(f"{bench.prefix}*")


def test_a_full_broker_refuses_puts_and_goes_on_delivering(bench: Bench) -> None:
    bench.put(*(f"{index}" for index in range(20)))
    queue = bench.running
    before = queue.stats()
    limit = bench.redis.config_get("maxmemory")["maxmemory"] or "0"
    queue.pause("account", None, "a test")
    late = PutBatch(b"late", Kind.SALE, "default", Lane.LOW, [Job("late", b"{}")])
    bench.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            queue.put(late)
        assert queue.stats().ledger == before.ledger
        assert queue.resume() == 1
        for index in range(20):
            claim = queue.claim(Lane.LOW, Gate(1e6), f"full-{index}")
            assert isinstance(claim, Granted)
            assert queue.renew([claim.lease], 30_000) == {claim.lease}
            assert isinstance(queue.settle(claim.lease, Settlement([Delivered()])), Settled)
    finally:
        bench.redis.config_set("maxmemory", limit)
    after = queue.stats()
    assert (after.ledger.delivered, after.imbalance) == (20, 0)
    assert queue.put(late).outcomes == (PutOutcome.PENDING,)
