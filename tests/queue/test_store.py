"""What the model does not reach: how puts end, and what survives a repeated call."""

from dataclasses import replace
from typing import cast

import pytest
from tests.queue.bench import FAST, Bench

from onport_queue.flight import (
    Answer,
    Claim,
    Dead,
    Delivered,
    Empty,
    Fenced,
    Granted,
    Paused,
    Released,
    Retry,
    Settled,
    Settlement,
    Verdict,
)
from onport_queue.fold import Mode, compaction
from onport_queue.jobs import Job
from onport_queue.ledger import AboutWorker
from onport_queue.names import Kind, Lane
from onport_queue.puts import JOBS_PER_PUT, PutBatch, PutOutcome, PutReply
from onport_queue.store import PUT_ID_RETENTION_MS, Queue


def finish(bench: Bench, verdict: Verdict) -> None:
    """Send the next batch and give all its jobs one verdict."""
    bench.pass_ms(1)
    claim = bench.claim()
    assert isinstance(claim, Granted)
    bench.queue.settle(claim.lease, Settlement([verdict] * len(claim.items)))


def put_partial(bench: Bench, key: str, body: bytes, version: int) -> None:
    batch = PutBatch(
        b"%s-%d" % (key.encode(), version),
        Kind.SALE,
        "default",
        Lane.LOW,
        [Job(key, body, version)],
        Mode.PARTIAL,
    )
    bench.queue.put(batch)


def bodies(bench: Bench, key: str) -> list[bytes]:
    view = bench.queue.show(Kind.SALE, "default", key)
    return [fragment.body for fragment in view.fragments] if view else []


def test_a_put_of_nothing_changes_nothing(bench: Bench) -> None:
    reply = bench.put()
    assert (reply.outcomes, reply.wake) == ((), ())
    assert bench.queue.stats().ledger.accepted == 0


def test_a_put_takes_so_many_jobs_and_no_more(bench: Bench) -> None:
    keys = [str(index) for index in range(JOBS_PER_PUT)]
    assert bench.put(*keys).pending_low == JOBS_PER_PUT
    with pytest.raises(ValueError, match="at most 500 jobs, got 501"):
        bench.put(*keys, "one more")


def test_a_channel_that_is_no_name_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="channel"):
        bench.put("1", channel="a:b")


def test_an_account_that_is_no_name_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="account"):
        Queue(bench.redis, "a}b")


def test_a_put_repeated_within_its_retention_is_a_duplicate(bench: Bench) -> None:
    batch = PutBatch(b"once", Kind.SALE, "default", Lane.LOW, [Job("1", b"{}")])
    bench.queue.put(batch)
    finish(bench, Delivered())
    bench.pass_ms(PUT_ID_RETENTION_MS - 1_000)
    bench.put("another")
    assert bench.queue.put(batch).outcomes == (PutOutcome.DUPLICATE,)
    bench.pass_ms(2_000)
    bench.put("a third")  # the first rotation
    assert bench.queue.put(batch).outcomes == (PutOutcome.DUPLICATE,)
    bench.pass_ms(PUT_ID_RETENTION_MS)
    assert bench.queue.put(batch).outcomes == (PutOutcome.PENDING,)


def test_a_full_payload_older_than_the_delivered_one_is_superseded(bench: Bench) -> None:
    bench.put("1", version=10)
    finish(bench, Delivered())
    assert bench.put("1", version=9).outcomes == (PutOutcome.SUPERSEDED,)
    assert bench.put("1", version=10).outcomes == (PutOutcome.PENDING,)


@pytest.mark.parametrize("state", ["pending", "in flight", "delayed", "dead"])
def test_it_is_superseded_whatever_the_key_holds_now(bench: Bench, state: str) -> None:
    bench.put("1", version=10)
    finish(bench, Delivered())
    put_partial(bench, "1", b'{"a":5}', 5)
    if state == "in flight":
        bench.claim()
    elif state != "pending":
        finish(bench, Dead() if state == "dead" else Retry(1_000))
    assert bench.put("1", version=7).outcomes == (PutOutcome.SUPERSEDED,)
    view = bench.queue.show(Kind.SALE, "default", "1")
    assert view is not None
    assert (view.state, view.waiting) == (state, ())
    assert bodies(bench, "1") == [b'{"a":5}']
    assert bench.queue.stats().imbalance == 0


def test_history_is_forgotten_after_its_retention(bench: Bench) -> None:
    queue = Queue(bench.redis, bench.account, history_retention_ms=60_000)

    def put(version: int) -> PutOutcome:
        bench.redis.hset(bench.key("meta"), "wall", 0)
        job = Job("1", b"{}", version)
        put_id = b"%d-%d" % (version, int(bench.now_ms()))
        return queue.put(PutBatch(put_id, Kind.SALE, "default", Lane.LOW, [job])).outcomes[0]

    put(10)
    finish(bench, Delivered())
    bench.pass_ms(61_000)
    assert put(8) == PutOutcome.SUPERSEDED
    bench.pass_ms(61_000)
    assert put(9) == PutOutcome.PENDING


def test_a_create_raises_its_key_to_the_high_lane_and_keeps_its_place(bench: Bench) -> None:
    bench.put("1", "2", lane=Lane.LOW)
    assert bench.put("2", lane=Lane.HIGH).wake == (Lane.HIGH,)
    assert bench.put("2", lane=Lane.LOW).wake == ()
    claim = bench.claim(Lane.HIGH)
    assert isinstance(claim, Granted)
    assert [item.key for item in claim.items] == ["sale:default:2"]


def test_what_was_put_during_a_flight_goes_after_it(bench: Bench) -> None:
    bench.put("1", body=b'{"n":1}')
    flight = bench.claim()
    assert isinstance(flight, Granted)
    assert bench.put("1", body=b'{"n":2}').outcomes == (PutOutcome.WAITING,)
    assert bench.put("1", body=b'{"n":3}').outcomes == (PutOutcome.FOLDED,)
    assert bench.claim() == Empty()
    assert bench.queue.settle(flight.lease, Settlement([Delivered()])).wake == (Lane.LOW,)  # type: ignore[union-attr]  # it is held
    assert bodies(bench, "1") == [b'{"n":3}']


def test_a_newer_put_revives_a_dead_job_with_fresh_attempts(bench: Bench) -> None:
    bench.put("1", body=b'{"n":1}', version=1)
    finish(bench, Dead())
    put_partial(bench, "1", b'{"m":2}', 2)
    view = bench.queue.show(Kind.SALE, "default", "1")
    assert view is not None
    assert (view.state, view.attempts, view.last_status) == ("pending", 0, None)
    assert bodies(bench, "1") == [b'{"n":1}', b'{"m":2}']


def test_places_follow_the_order_of_a_put(bench: Bench) -> None:
    bench.put("dead")
    finish(bench, Dead())
    bench.put("new", "dead", "newer")
    order = []
    for _ in range(3):
        bench.pass_ms(1)
        claim = bench.claim()
        assert isinstance(claim, Granted)
        order.append(claim.items[0].key.removeprefix("sale:default:"))
    assert order == ["new", "dead", "newer"]


def test_an_overgrown_job_is_told_and_compacted_and_means_the_same(bench: Bench) -> None:
    bench.put("1", body=b'{"n":0}', version=0)
    for version in range(1, 20):
        put_partial(bench, "1", b'{"k%d":%d}' % (version, version), version)
    body = b'{"last":1}'
    batch = PutBatch(
        b"last", Kind.SALE, "default", Lane.LOW, [Job("0", b"{}"), Job("1", body, 99)], Mode.PARTIAL
    )
    assert bench.queue.put(batch).overgrown == (1,)
    assert bench.queue.compact(Kind.SALE, "default", "1", compaction)
    view = bench.queue.show(Kind.SALE, "default", "1")
    assert view is not None
    assert len(view.fragments) == 10
    assert view.fragments[1].version == 12
    assert bench.queue.stats().imbalance == 0


def test_a_fragment_that_came_between_reading_and_compacting_prevents_it(bench: Bench) -> None:
    for version in range(2, 14):
        put_partial(bench, "1", b'{"k%d":1}' % version, version)
    before = bodies(bench, "1")

    def late(fragments: object) -> object:
        put_partial(bench, "1", b'{"late":1}', 1)
        return compaction(fragments)  # type: ignore[arg-type]  # as compact hands them over

    assert not bench.queue.compact(Kind.SALE, "default", "1", late)  # type: ignore[arg-type]
    assert bodies(bench, "1") == [b'{"late":1}', *before]


@pytest.mark.parametrize("given", [1, 3])
def test_settling_with_another_number_of_verdicts_changes_nothing(bench: Bench, given: int) -> None:
    bench.put("1", "2", kind=Kind.PRODUCT)
    claim = bench.claim()
    assert isinstance(claim, Granted)
    with pytest.raises(Exception, match=f"settle needs 2 verdicts, got {given}"):
        bench.queue.settle(claim.lease, Settlement([Delivered()] * given))
    assert bench.queue.stats().in_flight == 2


def test_a_released_flight_counts_as_an_attempt_if_it_was_sent(bench: Bench) -> None:
    bench.put("1", "2", kind=Kind.PRODUCT)
    claim = bench.claim()
    assert isinstance(claim, Granted)
    assert isinstance(bench.queue.release(claim.lease, sent=True), Settled)
    stats = bench.queue.stats()
    assert (stats.pending, stats.ledger.released, stats.imbalance) == (2, 2, 0)
    view = bench.queue.show(Kind.PRODUCT, "default", "1")
    assert view is not None
    assert (view.attempts, view.last_status) == (1, "ambiguous")


def put_late(
    bench: Bench, key: str, body: bytes, latest_ms: int, *, kept: bool = False
) -> PutReply:
    """Put a job that Redis reads later than it was made."""
    batch = PutBatch(body, Kind.SALE, "default", Lane.LOW, [Job(key, body)], latest_ms=latest_ms)
    return bench.queue.put(replace(batch, kept=kept))


def test_a_put_that_comes_late_is_as_old_as_it_was_made(bench: Bench) -> None:
    now_ms = bench.put("other").redis_ms
    put_late(bench, "1", b'"newer"', now_ms - 1_000)
    put_late(bench, "1", b'"older"', now_ms - 2_000)
    assert bodies(bench, "1") == [b'"newer"']


def test_a_put_whose_latest_version_lies_ahead_is_not_newer_than_what_is_put_after_it(
    bench: Bench,
) -> None:
    put_late(bench, "1", b'"early"', bench.put("other").redis_ms + 3_600_000)
    bench.put("1", body=b'"after"')
    assert bodies(bench, "1") == [b'"after"']


HOUR_MS = 3_600_000


def test_a_put_that_was_kept_for_hours_is_as_old_as_it_was_made(bench: Bench) -> None:
    now_ms = bench.put("1", body=b'"now"').redis_ms
    put_late(bench, "1", b'"hours ago"', now_ms - HOUR_MS, kept=True)
    assert bodies(bench, "1") == [b'"now"']


def test_a_put_that_seems_to_be_hours_late_is_not_but_redis_was_stepped(bench: Bench) -> None:
    now_ms = bench.put("1", body=b'"before"').redis_ms
    put_late(bench, "1", b'"after"', now_ms - HOUR_MS)
    assert bodies(bench, "1") == [b'"after"']


def test_nothing_is_shown_of_a_key_that_the_queue_does_not_hold(bench: Bench) -> None:
    assert bench.queue.show(Kind.SALE, "default", "1") is None
    assert not bench.queue.compact(Kind.SALE, "default", "1", compaction)


def test_where_no_lane_is_said_what_is_new_goes_first_and_the_rest_is_an_update(
    bench: Bench,
) -> None:
    def lane_of_a_put() -> Lane:
        (lane,) = bench.put("1", lane=None).lanes
        return lane

    assert lane_of_a_put() is Lane.HIGH
    assert lane_of_a_put() is Lane.LOW
    finish(bench, Retry(1_000))
    assert lane_of_a_put() is Lane.LOW
    bench.pass_ms(1_000)
    finish(bench, Dead())
    assert lane_of_a_put() is Lane.LOW
    finish(bench, Delivered())
    assert lane_of_a_put() is Lane.LOW
    bench.queue.forget(Kind.SALE, "default", "1")
    assert lane_of_a_put() is Lane.HIGH


def test_each_job_of_a_put_has_its_own_lane_where_none_is_said(bench: Bench) -> None:
    bench.put("old")
    bench.put("elsewhere", channel="other")

    reply = bench.put("new", "old", "elsewhere", "new", lane=None)

    assert reply.lanes == (Lane.HIGH, Lane.LOW, Lane.HIGH, Lane.HIGH)
    assert (reply.pending_high, reply.pending_low) == (2, 2)


def test_a_lane_is_looked_at_by_one_worker_at_a_time(bench: Bench) -> None:
    bench.put("1")
    assert bench.queue.look([Lane.HIGH, Lane.LOW], worker="one") == (Lane.LOW,)
    assert bench.queue.look([Lane.HIGH, Lane.LOW], worker="two") == ()
    assert bench.queue.stats().workers == ("one", "two")
    bench.pass_ms(900)
    assert bench.queue.look([Lane.LOW], worker="two") == (Lane.LOW,)
    bench.pass_ms(5_001)
    assert bench.queue.stats().workers == ()


def test_work_that_the_first_to_look_has_no_hash_for_is_found_by_the_next(bench: Bench) -> None:
    bench.put("1", channel="b")
    assert bench.queue.look([Lane.LOW], prints={"a": ("",)}) == ()
    assert bench.queue.look([Lane.LOW], prints={"b": ("",)}) == (Lane.LOW,)
    assert bench.queue.look([Lane.LOW], prints={"b": ("",)}) == ()


def test_it_is_found_by_the_next_also_beside_work_of_the_first(bench: Bench) -> None:
    bench.put("1", channel="a")
    bench.put("1", channel="b")
    assert bench.queue.look([Lane.LOW], prints={"a": ("",)}) == (Lane.LOW,)
    assert bench.queue.look([Lane.LOW], prints={"b": ("",), "a": ("",)}) == (Lane.LOW,)
    assert bench.queue.look([Lane.LOW], prints={"b": ("",)}) == ()


def test_a_lane_of_which_nothing_may_be_sent_is_looked_at_once(bench: Bench) -> None:
    bench.put("1", channel="b")
    bench.queue.pause("channel:b", None, "a test")
    bench.queue.look([Lane.LOW], prints={"a": ("",)})
    bench.queue.resume("channel:b")
    assert bench.queue.look([Lane.LOW], prints={"b": ("",)}) == ()


def test_what_a_worker_is_and_by_how_much_its_clock_is_ahead_is_known(bench: Bench) -> None:
    seconds, micros = bench.redis.time()
    wall_ms = seconds * 1000 + micros // 1000
    prints = {"default": ("a",), "uk": ("b",)}

    bench.queue.look(
        [Lane.HIGH], worker="one", version="1.2.3", wall_ms=wall_ms + 90_000, prints=prints
    )

    (worker,) = bench.queue.stats().crew
    assert (worker.name, worker.is_alive) == ("one", True)
    assert worker.looked_ms < 1_000
    assert worker.skew_ms == pytest.approx(90_000, abs=1_000)
    assert worker.about == AboutWorker(
        version="1.2.3", lanes=(Lane.HIGH,), channels=("default", "uk")
    )


def test_a_worker_for_schedules_is_at_work_and_serves_no_lane(bench: Bench) -> None:
    bench.queue.look([], worker="schedules@host")
    assert bench.queue.stats().workers == ("schedules@host",)
    assert bench.queue.stats().serving == ()
    bench.queue.look([Lane.LOW], worker="low@host")
    assert bench.queue.stats().serving == ("low@host",)


def test_a_worker_that_went_without_leave_is_missed_for_an_hour(bench: Bench) -> None:
    bench.queue.look([Lane.LOW], worker="killed")
    bench.queue.look([Lane.LOW], worker="stopped")
    assert bench.queue.leave("stopped")
    assert not bench.queue.leave("stopped")

    bench.pass_ms(5_001)
    bench.queue.look([Lane.LOW], worker="other")
    crew = bench.queue.stats().crew
    assert [(one.name, one.is_alive) for one in crew] == [("killed", False), ("other", True)]

    bench.pass_ms(3_600_000)
    bench.queue.look([Lane.LOW], worker="other")
    assert [one.name for one in bench.queue.stats().crew] == ["other"]
    assert bench.redis.hkeys(bench.key("crew")) == [b"other"]


def test_workers_that_went_long_ago_are_not_at_work_though_the_clock_stood_still(
    bench: Bench,
) -> None:
    bench.queue.look([Lane.LOW], worker="killed")
    noted = cast("bytes", bench.redis.hget(bench.key("crew"), "killed"))
    skew, wall, about = noted.decode().split(" ", 2)
    bench.redis.hset(bench.key("crew"), "killed", f"{skew} {int(wall) - 600_000} {about}")
    bench.redis.hincrbyfloat(bench.key("meta"), "wall", -600_000)

    stats = bench.queue.stats()

    assert stats.workers == ()
    assert 600_000 <= stats.crew[0].looked_ms < 610_000


def test_a_lease_that_nobody_took_back_is_overdue(bench: Bench) -> None:
    bench.put("1")
    bench.claim()
    assert bench.queue.stats().overdue == 0
    bench.pass_ms(32_000)
    assert bench.queue.stats().overdue == 0
    bench.pass_ms(2_000)
    assert bench.queue.stats().overdue == 1
    bench.queue.look(list(Lane), 0)
    assert bench.queue.stats().overdue == 0


def test_states_are_told_in_the_order_of_the_keys(bench: Bench) -> None:
    bench.put("delivered")
    finish(bench, Delivered())
    bench.put("dead")
    finish(bench, Dead())
    bench.put("delayed")
    finish(bench, Retry(60_000))
    bench.put("flying")
    bench.pass_ms(1)
    assert isinstance(bench.claim(), Granted)
    bench.put("pending")
    keys = ["pending", "dead", "never", "delayed", "delivered", "flying"]

    states = bench.queue.states([f"sale:default:{key}" for key in keys])

    assert states == ("pending", "dead", "", "delayed", "", "in flight")


def test_states_are_told_of_at_most_as_many_as_a_put_takes(bench: Bench) -> None:
    with pytest.raises(ValueError, match="at most 500 keys"):
        bench.queue.states(["x"] * (JOBS_PER_PUT + 1))


def settle_and_claim(bench: Bench, lease: str, next_lease: str) -> tuple[Settled | Fenced, Claim]:
    delivered = Settlement([Delivered()])
    return bench.queue.settle_and_claim(lease, delivered, Lane.LOW, FAST, next_lease)


def test_a_flight_is_settled_and_the_next_one_claimed_at_once(bench: Bench) -> None:
    bench.put("1", "2")
    first = bench.claim()
    assert isinstance(first, Granted)
    bench.pass_ms(1)
    settled, second = settle_and_claim(bench, first.lease, "second")
    assert settled == Settled((), ())
    assert isinstance(second, Granted)
    assert (second.lease, [item.key for item in second.items]) == ("second", ["sale:default:2"])
    bench.pass_ms(1)
    assert settle_and_claim(bench, "second", "third") == (Settled((), ()), Empty())
    assert bench.queue.stats().ledger.delivered == 2


def test_settled_and_claimed_twice_over_it_is_answered_the_same(bench: Bench) -> None:
    bench.put("1", "2", "3")
    first = bench.claim()
    assert isinstance(first, Granted)
    bench.pass_ms(1)
    once = settle_and_claim(bench, first.lease, "second")
    again = settle_and_claim(bench, first.lease, "second")
    assert isinstance(once[1], Granted)
    assert (once[0], replace(once[1], more=False)) == again
    stats = bench.queue.stats()
    assert (stats.ledger.delivered, stats.in_flight, stats.imbalance) == (1, 1, 0)


def test_a_late_copy_of_both_claims_nothing_once_what_it_claimed_is_settled(bench: Bench) -> None:
    bench.put("1", "2", "3")
    first = bench.claim()
    assert isinstance(first, Granted)
    bench.pass_ms(1)
    settle_and_claim(bench, first.lease, "second")
    bench.queue.settle("second", Settlement([Delivered()]))
    bench.pass_ms(1)
    before = bench.redis.hget(bench.key("gate"), "tat")
    assert settle_and_claim(bench, first.lease, "second") == (Settled(()), Empty())
    stats = bench.queue.stats()
    assert (stats.pending, stats.in_flight, stats.ledger.requests) == (1, 0, 2)
    assert bench.redis.hget(bench.key("gate"), "tat") == before


def test_a_flight_that_is_fenced_does_not_keep_the_next_one(bench: Bench) -> None:
    bench.put("1")
    settled, claim = settle_and_claim(bench, "gone", "second")
    assert settled == Fenced()
    assert isinstance(claim, Granted)


def test_a_settle_that_is_wrong_claims_nothing(bench: Bench) -> None:
    bench.put("1", "2", kind=Kind.PRODUCT)
    first = bench.claim()
    assert isinstance(first, Granted)
    bench.put("3")
    with pytest.raises(Exception, match="settle needs 2 verdicts, got 1"):
        settle_and_claim(bench, first.lease, "second")
    assert bench.queue.stats().in_flight == 2


def test_events_of_a_settle_are_not_told_by_the_claim_after_it(bench: Bench) -> None:
    bench.put("1", "2")
    first = bench.claim()
    assert isinstance(first, Granted)
    denied = Settlement([Released()], Answer.DENIED, status="401")
    settled, claim = bench.queue.settle_and_claim(first.lease, denied, Lane.LOW, FAST, "second")
    assert isinstance(settled, Settled)
    assert [event.name for event in settled.events] == ["paused"]
    assert isinstance(claim, Paused)
