"""A reload skips the products that Onport has already."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis
from tests.queue.bench import FAST, Bench, everywhere

from onport_queue.flight import Dead, Delivered, Granted, Halve, Released, Settlement, Verdict
from onport_queue.fold import Mode
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch, PutOutcome

A, B = b'{"price":1}', b'{"price":2}'
OLD, NEW = everywhere("old"), everywhere("new")
_ids: Iterator[int] = itertools.count()


@pytest.fixture
def bench(redis_client: redis.Redis) -> Bench:
    """A queue to which a worker has looked."""
    bench = Bench(redis_client)
    bench.queue.look(list(Lane), 0, prints=OLD)
    return bench


def put(bench: Bench, body: bytes, *, force: bool = False, mode: Mode = Mode.FULL) -> PutOutcome:
    jobs = [Job("1", body)]
    batch = PutBatch(b"put-%d" % next(_ids), Kind.PRODUCT, "default", Lane.LOW, jobs, mode)
    return bench.queue.put(replace(batch, skip_unchanged=not force)).outcomes[0]


def claimed(bench: Bench) -> Granted:
    bench.pass_ms(1000)
    granted = bench.claim(Lane.LOW, replace(FAST, prints=OLD))
    assert isinstance(granted, Granted)
    return granted


def end(bench: Bench, flight: Granted, verdict: Verdict) -> None:
    bench.queue.settle(flight.lease, Settlement([verdict]))


def deliver(bench: Bench) -> None:
    end(bench, claimed(bench), Delivered())


@pytest.fixture
def delivered(bench: Bench) -> Bench:
    """A queue that has delivered A."""
    put(bench, A)
    deliver(bench)
    return bench


def test_what_was_delivered_last_is_skipped_and_counted(delivered: Bench) -> None:
    assert put(delivered, A) is PutOutcome.UNCHANGED
    stats = delivered.queue.stats()
    assert (stats.pending, stats.ledger.unchanged, stats.imbalance) == (0, 1, 0)


def test_what_has_changed_is_sent(delivered: Bench) -> None:
    assert put(delivered, B) is PutOutcome.PENDING


def test_force_sends_it_all_the_same(delivered: Bench) -> None:
    assert put(delivered, A, force=True) is PutOutcome.PENDING


def test_back_to_what_was_before_the_last_is_a_change(delivered: Bench) -> None:
    put(delivered, B)
    deliver(delivered)
    assert put(delivered, A) is PutOutcome.PENDING


def test_nothing_is_skipped_while_something_of_its_key_is_pending(delivered: Bench) -> None:
    put(delivered, B)
    assert put(delivered, A) is PutOutcome.FOLDED


def test_nothing_is_skipped_while_something_of_its_key_flies(delivered: Bench) -> None:
    put(delivered, B)
    claimed(delivered)
    assert put(delivered, A) is PutOutcome.WAITING


@pytest.mark.parametrize("verdict", [Dead(), Released(), Halve()])
def test_after_a_request_that_was_begun_nobody_knows_what_onport_has(
    delivered: Bench, verdict: Verdict
) -> None:
    put(delivered, B)
    end(delivered, claimed(delivered), verdict)
    delivered.queue.forget(Kind.PRODUCT, "default", "1")
    assert put(delivered, A) is PutOutcome.PENDING


def test_a_partial_payload_leaves_nothing_to_compare_with(delivered: Bench) -> None:
    put(delivered, B, mode=Mode.PARTIAL)
    deliver(delivered)
    assert put(delivered, A) is PutOutcome.PENDING


def test_forgotten_it_is_sent_again(delivered: Bench) -> None:
    delivered.queue.forget(Kind.PRODUCT, "default", "1")
    assert put(delivered, A) is PutOutcome.PENDING


def test_another_account_or_address_has_not_what_this_one_was_sent(delivered: Bench) -> None:
    delivered.queue.look(list(Lane), 0, prints=NEW)
    assert put(delivered, A) is PutOutcome.PENDING


def test_during_a_rotation_of_hashes_it_is_still_skipped(delivered: Bench) -> None:
    delivered.queue.look(list(Lane), 0, prints=everywhere("new", "old"))
    assert put(delivered, A) is PutOutcome.UNCHANGED


def test_an_older_payload_than_the_skipped_one_is_superseded(delivered: Bench) -> None:
    sent_ms = delivered.queue.put(
        PutBatch(b"another", Kind.SALE, "default", Lane.LOW, [Job("1", b"{}")])
    ).redis_ms
    batch = PutBatch(b"reload", Kind.PRODUCT, "default", Lane.LOW, [Job("1", A, sent_ms + 10)])
    reloaded = delivered.queue.put(replace(batch, skip_unchanged=True))
    assert reloaded.outcomes == (PutOutcome.UNCHANGED,)
    late = PutBatch(b"late", Kind.PRODUCT, "default", Lane.LOW, [Job("1", B, sent_ms + 5)])
    assert delivered.queue.put(late).outcomes == (PutOutcome.SUPERSEDED,)


def test_a_product_that_a_reload_names_twice_is_left_as_the_second_says(delivered: Bench) -> None:
    jobs = [Job("1", B), Job("1", A)]
    batch = PutBatch(b"twice", Kind.PRODUCT, "default", Lane.LOW, jobs, skip_unchanged=True)
    reloaded = delivered.queue.put(batch)
    assert reloaded.outcomes == (PutOutcome.PENDING, PutOutcome.FOLDED)
    assert [one.body for one in claimed(delivered).items[0].fragments] == [A]


def test_before_any_worker_has_looked_nothing_is_skipped(redis_client: redis.Redis) -> None:
    bench = Bench(redis_client)
    put(bench, A)
    deliver(bench)
    assert put(bench, A) is PutOutcome.PENDING
