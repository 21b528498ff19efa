"""What is put ahead of its time: outside its key until it is due."""

import pytest
import redis
from tests.queue.bench import Bench

from onport_queue.clock import SystemClock
from onport_queue.flight import Delivered, Granted, Settlement
from onport_queue.fold import Mode, compaction
from onport_queue.jobs import Job, Link, LinkJob
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch, PutOutcome

HOUR_MS = 3_600_000


@pytest.fixture
def bench(redis_client: redis.Redis) -> Bench:
    return Bench(redis_client)


def now_ms() -> int:
    return int(SystemClock().wall().timestamp() * 1000)


def put_ahead(
    bench: Bench,
    key: str,
    *,
    due_ms: int,
    body: bytes = b'{"ahead":1}',
    lane: Lane = Lane.LOW,
    mode: Mode = Mode.FULL,
    put_id: bytes = b"ahead",
) -> PutOutcome:
    batch = PutBatch(put_id, Kind.SALE, "default", lane, [Job(key, body)], mode)
    return bench.queue.put(replaced(batch, due_ms)).outcomes[0]


def replaced(batch: PutBatch, due_ms: int) -> PutBatch:
    return PutBatch(
        batch.put_id,
        batch.kind,
        batch.channel,
        batch.lane,
        batch.jobs,
        batch.mode,
        not_before_ms=due_ms,
    )


def delivered(bench: Bench) -> list[bytes]:
    """Deliver everything that can be claimed; return what each job was sent as."""
    bodies = []
    bench.pass_ms(1000)
    while isinstance(claimed := bench.claim(), Granted):
        bodies += [fragment.body for item in claimed.items for fragment in item.fragments]
        bench.queue.settle(claimed.lease, Settlement([Delivered()] * len(claimed.items)))
        bench.pass_ms(1000)
    return bodies


def test_it_is_delayed_until_it_is_due(bench: Bench) -> None:
    assert put_ahead(bench, "1", due_ms=now_ms() + HOUR_MS) is PutOutcome.DELAYED
    assert delivered(bench) == []
    stats = bench.queue.stats()
    assert (stats.delayed, stats.pending, stats.imbalance) == (1, 0, 0)
    assert stats.next_due_ms is not None
    assert HOUR_MS - 60_000 < stats.next_due_ms <= HOUR_MS
    bench.come_due(now_ms() + 2 * HOUR_MS)
    assert delivered(bench) == [b'{"ahead":1}']


def test_a_look_finds_what_is_due(bench: Bench) -> None:
    put_ahead(bench, "1", due_ms=now_ms() + HOUR_MS, lane=Lane.HIGH)
    assert bench.queue.look(list(Lane), 0) == ()
    bench.come_due(now_ms() + 2 * HOUR_MS)
    assert bench.queue.look(list(Lane), 0) == (Lane.HIGH,)


def test_what_was_put_meanwhile_is_replaced_when_it_is_due(bench: Bench) -> None:
    put_ahead(bench, "1", due_ms=now_ms() + HOUR_MS)
    assert bench.put("1", body=b'{"now":1}').outcomes == (PutOutcome.PENDING,)
    bench.come_due(now_ms() + 2 * HOUR_MS)
    assert delivered(bench) == [b'{"ahead":1}']


def test_what_was_due_before_a_newer_put_is_superseded(bench: Bench) -> None:
    """As after an hour in which no worker ran: the newer put was made after the due time."""
    put_ahead(bench, "1", due_ms=now_ms() + HOUR_MS)
    bench.put("1", body=b'{"newer":1}', version=now_ms() + 2 * HOUR_MS)
    assert delivered(bench) == [b'{"newer":1}']
    bench.come_due(now_ms() + 2 * HOUR_MS)
    assert delivered(bench) == []
    ledger = bench.queue.stats().ledger
    assert (ledger.accepted, ledger.delivered, ledger.superseded) == (2, 1, 1)


def test_a_partial_one_is_laid_over_what_its_key_holds_by_then(bench: Bench) -> None:
    put_ahead(bench, "1", due_ms=now_ms() + HOUR_MS, mode=Mode.PARTIAL)
    bench.put("1", body=b'{"now":1}')
    bench.come_due(now_ms() + 2 * HOUR_MS)
    assert delivered(bench) == [b'{"now":1}', b'{"ahead":1}']


def test_what_is_due_already_is_put_at_once_with_its_due_time_as_version(bench: Bench) -> None:
    bench.put("1", body=b'{"now":1}')
    assert put_ahead(bench, "1", due_ms=now_ms() - HOUR_MS) is PutOutcome.FOLDED
    assert delivered(bench) == [b'{"now":1}']


def test_a_put_made_after_it_came_due_is_newer_even_if_the_clock_was_stepped_back(
    bench: Bench,
) -> None:
    due_ms = now_ms() + HOUR_MS
    put_ahead(bench, "1", due_ms=due_ms)
    bench.come_due(due_ms)
    assert delivered(bench) == [b'{"ahead":1}']
    bench.put("1", body=b'{"newer":1}')
    assert delivered(bench) == [b'{"newer":1}']


def test_several_for_one_key_come_in_the_order_of_their_times(bench: Bench) -> None:
    for hours in (3, 1, 2):
        body = b'{"hour":%d}' % hours
        due_ms = now_ms() + hours * HOUR_MS
        put_ahead(bench, "1", due_ms=due_ms, body=body, put_id=body)
    view = bench.queue.show(Kind.SALE, "default", "1")
    assert view is not None
    assert (view.state, view.fragments) == ("delayed", ())
    assert [put.fragments[0].body for put in view.later] == [
        b'{"hour":1}',
        b'{"hour":2}',
        b'{"hour":3}',
    ]
    assert HOUR_MS - 60_000 < view.due_in_ms <= HOUR_MS
    for hours in (1, 2, 3):
        bench.come_due(now_ms() + hours * HOUR_MS + 1)
        assert delivered(bench) == [b'{"hour":%d}' % hours]


def test_a_key_with_nothing_but_what_is_put_ahead_has_nothing_to_compact(bench: Bench) -> None:
    put_ahead(bench, "1", due_ms=now_ms() + HOUR_MS)
    assert not bench.queue.compact(Kind.SALE, "default", "1", compaction)


def test_keys_that_hold_a_nul_are_kept_apart(bench: Bench) -> None:
    for key in ("1", "1\0", "1\0" + "0" * 16, "1\0" + "0" * 16 + "\0" + "1" * 16):
        put_ahead(bench, key, due_ms=now_ms() + HOUR_MS, body=key.encode(), put_id=key.encode())
    view = bench.queue.show(Kind.SALE, "default", "1")
    assert view is not None
    assert [put.fragments[0].body for put in view.later] == [b"1"]
    assert bench.queue.forget(Kind.SALE, "default", "1") == "delayed"
    assert bench.queue.stats().delayed == 3


def test_repeated_it_is_a_duplicate(bench: Bench) -> None:
    for outcome in (PutOutcome.DELAYED, PutOutcome.DUPLICATE):
        assert put_ahead(bench, "1", due_ms=now_ms() + HOUR_MS) is outcome
    assert bench.queue.stats().delayed == 1


def test_a_wish_put_ahead_wins_over_one_made_before_it_was_due(bench: Bench) -> None:
    link = LinkJob("sku", (Link("link", b'"link"'),))
    batch = PutBatch(b"ahead", Kind.DISCONNECT, "default", Lane.LOW, [link])
    assert bench.queue.put(replaced(batch, now_ms() + HOUR_MS)).outcomes == (PutOutcome.DELAYED,)
    bench.put_links(Kind.ACKNOWLEDGE, "sku", "link")
    bench.come_due(now_ms() + 2 * HOUR_MS)
    bench.pass_ms(1000)
    claimed = bench.claim()
    assert isinstance(claimed, Granted)
    assert claimed.kind is Kind.DISCONNECT


def test_forget_erases_all_that_was_put_ahead_however_much(bench: Bench) -> None:
    for number in range(1_001):
        put_ahead(bench, "1", due_ms=now_ms() + HOUR_MS, put_id=b"%d" % number)
    assert bench.queue.forget(Kind.SALE, "default", "1") == "delayed"
    stats = bench.queue.stats()
    assert (stats.delayed, stats.ledger.discarded, stats.imbalance) == (0, 1_001, 0)
    assert bench.queue.show(Kind.SALE, "default", "1") is None


def test_more_than_a_hundred_due_at_once_come_with_the_next_claims(bench: Bench) -> None:
    jobs = [Job(str(number), b"{}") for number in range(250)]
    batch = PutBatch(b"ahead", Kind.PRODUCT, "default", Lane.LOW, jobs)
    bench.queue.put(replaced(batch, now_ms() + HOUR_MS))
    bench.come_due(now_ms() + 2 * HOUR_MS)
    assert len(delivered(bench)) == 250
    assert bench.queue.stats().imbalance == 0
