"""An upgrade loses nothing: an older queue is read, and a newer one is left alone.

The dumps are queues as earlier releases have stored them, in every state; see dumps/make.py.
"""

import json
import re
import secrets
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import redis
from tests.queue.dumps.make import HELD, LOST
from tests.queue.dumps.make import commands as dump_commands

from onport_queue.errors import NewerFormatError
from onport_queue.flight import Delivered, Gate, Granted, Settled, Settlement, Wait
from onport_queue.fold import folded
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
from onport_queue.runs import Outcome, Runs
from onport_queue.scripts import Scripts
from onport_queue.store import Queue

DUMPS = sorted(Path(__file__).parent.glob("dumps/format-*.jsonl"))
META = "onport-relay:{default}:meta"
HOUR_MS = 3_600_000
SCRIPTS = sorted(
    entry.name.removesuffix(".lua")
    for entry in (files("onport_queue") / "lua").iterdir()
    if entry.name.endswith(".lua")
)
YOUNGER = {"alerts", "beat", "crew"}
"""Structures that came after the first dump; `beat` is gone half a minute after its beat."""

SALE = PutBatch(b"a-put", Kind.SALE, "default", Lane.HIGH, [Job("later", b"{}")])
PRINTS = dict.fromkeys(("default", "flying", "other", "refused", "later"), ("print", "new"))


def commands(dump: Path) -> Iterator[list[bytes]]:
    for line in dump.read_text(encoding="utf-8").splitlines():
        yield [part.encode("latin-1") for part in json.loads(line)]


def structures(dump: Path) -> set[str]:
    return {key.decode().partition("}:")[2] for _, key, *_ in commands(dump)}


def documented() -> set[str]:
    """The structures that docs/queue.md lists, but for older generations of others."""
    page = (Path(__file__).parents[2] / "docs" / "queue.md").read_text(encoding="utf-8")
    rows = page.partition("## Structures")[2].partition("\n## ")[0].splitlines()
    names = [name for row in rows if row.startswith("| `") for name in row.split("|")[1].split(",")]
    return {name.strip(" `") for name in names if not name.strip(" `").endswith(":old")}


@pytest.fixture(params=DUMPS, ids=lambda dump: dump.stem)
def older(request: pytest.FixtureRequest, redis_client: redis.Redis) -> Queue:
    """A queue that an earlier release has left."""
    for command in commands(request.param):
        redis_client.execute_command(*command)  # type: ignore[no-untyped-call] # redis-py's
    return Queue(redis_client)


def deliver_all(queue: Queue, client: redis.Redis) -> dict[str, list[str]]:
    """Deliver whatever can be claimed; return what each job was sent as, in order."""
    sent: dict[str, list[str]] = {}
    for _ in range(200):
        client.hincrbyfloat(META, "now", 1_000)
        claim = queue.claim(Lane.LOW, Gate(10_000, prints=PRINTS), secrets.token_hex(8))
        if isinstance(claim, Wait):
            continue
        if not isinstance(claim, Granted):
            return sent
        for item in claim.items:
            bodies = sent.setdefault(item.key, [])
            if claim.kind.family == "variant":
                bodies += [f"{claim.kind} {one.link}" for one in item.fragments]
            else:
                bodies.append(folded(item.fragments).decode())
        queue.settle(claim.lease, Settlement([Delivered()] * len(claim.items)))
    raise AssertionError(f"it does not end: {queue.stats()}")


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
def test_a_dump_has_every_structure_that_is_stored(dump: Path) -> None:
    patterns = [re.sub("<[a-z]+>", "[^:]+", name) for name in documented()]
    found = structures(dump)
    assert len(patterns) > 20
    missing = {one for one in patterns if not any(re.fullmatch(one, name) for name in found)}
    assert missing == YOUNGER


def test_an_older_queue_tells_what_it_holds(older: Queue, redis_client: redis.Redis) -> None:
    stats = older.stats()
    assert (stats.in_flight, stats.waiting, stats.delayed, stats.dead) == (2, 2, 3, 1)
    assert (stats.pending, stats.imbalance) == (10, 0)
    assert {(pause.scope, pause.cause) for pause in stats.pauses} == {
        ("lane:low", "operator"),
        ("channel:refused", "refused"),
        ("endpoint:default:acknowledge", "refused"),
        ("account", "throttled"),
    }
    assert [(size.kind, size.bytes) for size in stats.sizes] == [(Kind.PRODUCT, 1_000)]
    assert (stats.rate_set, len(stats.events) > 5) == (5_000, True)
    assert [(one.key, one.last_status) for one in older.dead()] == [("sale:default:dead", "422")]
    assert {delivery.key for delivery in older.delivered()} == {
        "sale:default:delivered",
        "product:default:sku=delivered",
        "sale:other:of-two-hashes",
    }
    runs = Runs(redis_client)
    assert [(run.outcome, run.accepted) for run in runs.history("links")] == [(Outcome.DONE, 7)]
    assert runs.standing("links").due is not None


def test_an_older_queue_delivers_all_that_it_holds(older: Queue, redis_client: redis.Redis) -> None:
    assert isinstance(older.settle(HELD, Settlement([Delivered()])), Settled)
    redis_client.hincrbyfloat(META, "now", 2 * HOUR_MS)  # the other flight is lost, the retry due
    older.resume()
    older.replay([letter.key for letter in older.dead()])
    older.put(SALE)
    sent = deliver_all(older, redis_client)

    assert sent == {
        "sale:default:new": ['{"externalId":"new"}'],
        "sale:default:later": ["{}"],
        "sale:default:dead": ['{"externalId":"dead"}'],
        "sale:default:replayed": ['{"externalId":"replayed","of":"dead"}'],
        "sale:default:folded": ['{"a":1,"b":3,"c":9}'],
        "sale:default:ahead": ['{"ahead":1}'],
        "sale:refused:refused-channel": ["{}"],
        "sale:flying:settled-in-time": ['{"n":2}'],
        "sale:flying:throttled": ["{}"],
        "variant:default:refused-stream": ["acknowledge l"],
        "variant:flying:sku": ["disconnect two", "acknowledge one"],
        "variant:other:changed-mind": ["acknowledge two", "disconnect one"],
        **{f"product:default:sku=halved-{n}": [f'{{"n":{n}}}'] for n in range(4)},
    }
    stats = older.stats()
    assert (stats.unfinished, stats.dead, stats.imbalance) == (0, 0, 0)
    assert not redis_client.hexists("onport-relay:{default}:flights", LOST)


def test_an_older_queue_is_marked_when_something_is_stored_and_not_by_a_look(
    older: Queue, redis_client: redis.Redis
) -> None:
    older.stats()
    older.look(list(Lane))
    assert redis_client.hget(META, "format") is None
    older.put(SALE)
    assert redis_client.hget(META, "format") == b"1"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_newer_queue_is_refused_by_every_script_and_nothing_is_changed(
    older: Queue, redis_client: redis.Redis, name: str
) -> None:
    redis_client.hset(META, "format", 2)
    before = list(dump_commands(redis_client))
    with pytest.raises(NewerFormatError, match=r"is of format 2, .* reads 1: upgrade it here"):
        Scripts(redis_client, f"onport-relay:{{{older.account}}}").run(name, ())
    assert list(dump_commands(redis_client)) == before


def test_a_put_that_waits_for_replicas_tells_of_a_newer_queue_too(
    redis_client: redis.Redis,
) -> None:
    redis_client.hset(META, "format", 2)
    with pytest.raises(NewerFormatError, match=r"^the queue in Redis is of format 2"):
        Queue(redis_client, replicas=1).put(SALE)
