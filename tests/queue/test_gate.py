"""The gate of a claim: the rate, the lanes, the turns of streams, the size of a batch."""

from dataclasses import replace

import pytest
from tests.queue.bench import FAST, Bench

from onport_queue.flight import (
    Delivered,
    Empty,
    Fenced,
    Gate,
    Granted,
    Paused,
    Released,
    Retry,
    Settled,
    Settlement,
    Verdict,
    Wait,
)
from onport_queue.names import Kind, Lane

HOUR_MS = 3_600_000
TEN = Gate(rate=10)


def names(many: int, prefix: str = "k") -> list[str]:
    return [f"{prefix}{index:05d}" for index in range(many)]


def granted(bench: Bench, lane: Lane = Lane.LOW, gate: Gate = FAST) -> Granted:
    claim = bench.claim(lane, gate)
    assert isinstance(claim, Granted), claim
    return claim


def wait_s(bench: Bench, gate: Gate) -> float:
    claim = bench.claim(Lane.LOW, gate)
    assert isinstance(claim, Wait), claim
    return claim.seconds


def lanes_of(bench: Bench, many: int, asked: Lane = Lane.LOW) -> list[Lane]:
    served = []
    for _ in range(many):
        bench.pass_ms(1)
        served.append(granted(bench, asked).lane)
    return served


def grants_within(bench: Bench, gate: Gate, ms: int, step_ms: int = 5) -> list[int]:
    """Claim as often as it pays; return when, in ms from now, a request was granted."""
    moments = []
    for moment in range(0, ms, step_ms):
        while isinstance(bench.claim(Lane.LOW, gate), Granted):
            moments.append(moment)
        bench.pass_ms(step_ms)
    return moments


@pytest.mark.parametrize("rate", [1.0, 10.0, 33.0])
def test_a_second_never_sees_more_than_the_rate_and_the_burst(bench: Bench, rate: float) -> None:
    bench.put(*names(200))
    moments = grants_within(bench, Gate(rate), 3_000)
    for start in range(0, 2_001, 100):
        assert sum(start <= moment < start + 1_000 for moment in moments) <= rate + 2
    assert len(moments) == pytest.approx(3 * rate + 1, abs=1)


def test_two_requests_may_follow_each_other_and_the_third_waits_one_interval(bench: Bench) -> None:
    bench.put(*names(5))
    granted(bench, gate=TEN)
    granted(bench, gate=TEN)
    assert wait_s(bench, TEN) == pytest.approx(0.1, abs=1e-5)
    bench.pass_ms(60)
    assert wait_s(bench, TEN) == pytest.approx(0.04, abs=1e-5)
    bench.pass_ms(40)
    granted(bench, gate=TEN)
    assert wait_s(bench, TEN) == pytest.approx(0.1, abs=1e-5)


def test_waiting_neither_takes_work_nor_a_turn(bench: Bench) -> None:
    bench.put(*names(3))
    granted(bench, gate=TEN)
    granted(bench, gate=TEN)
    for _ in range(5):
        assert isinstance(bench.claim(gate=TEN), Wait)
    stats = bench.queue.stats()
    assert (stats.pending, stats.in_flight, stats.ledger.requests) == (1, 2, 2)


def test_a_rate_that_was_far_lower_does_not_stall_the_gate(bench: Bench) -> None:
    bench.put(*names(5))
    slow = Gate(rate=0.01)
    granted(bench, gate=slow)
    granted(bench, gate=slow)
    assert wait_s(bench, TEN) == pytest.approx(0.1, abs=1e-5)
    bench.pass_ms(100)
    granted(bench, gate=TEN)


def test_the_rate_set_at_run_time_wins_over_the_configured_one(bench: Bench) -> None:
    bench.put(*names(9))
    bench.queue.set_rate(20.0)
    granted(bench, gate=TEN)
    granted(bench, gate=TEN)
    assert wait_s(bench, TEN) == pytest.approx(0.05, abs=1e-5)
    bench.queue.set_rate(2.0)
    bench.pass_ms(1_000)
    granted(bench, gate=TEN)
    granted(bench, gate=TEN)
    assert wait_s(bench, TEN) == pytest.approx(0.5, abs=1e-5)
    bench.queue.set_rate(None)
    assert wait_s(bench, TEN) == pytest.approx(0.1, abs=1e-5)


def test_high_work_goes_first_whoever_asks(bench: Bench) -> None:
    bench.put(*names(3, "low"), lane=Lane.LOW)
    bench.put(*names(3, "high"), lane=Lane.HIGH)
    assert lanes_of(bench, 6, Lane.LOW) == [Lane.HIGH] * 3 + [Lane.LOW] * 3


def test_a_worker_of_the_high_lane_leaves_low_work_alone(bench: Bench) -> None:
    bench.put("1", lane=Lane.LOW)
    assert bench.claim(Lane.HIGH) == Empty()


@pytest.mark.parametrize("asked", Lane)
def test_the_tenth_token_is_the_low_lanes_whoever_asks(bench: Bench, asked: Lane) -> None:
    bench.put(*names(40, "high"), lane=Lane.HIGH)
    bench.put(*names(40, "low"), lane=Lane.LOW)
    served = lanes_of(bench, 30, asked)
    assert served == ([Lane.HIGH] * 9 + [Lane.LOW]) * 3


def test_the_floor_is_kept_for_low_work_that_comes_later(bench: Bench) -> None:
    bench.put(*names(40, "high"), lane=Lane.HIGH)
    assert lanes_of(bench, 15) == [Lane.HIGH] * 15
    bench.put("late", lane=Lane.LOW)
    assert lanes_of(bench, 2) == [Lane.LOW, Lane.HIGH]


@pytest.mark.parametrize(
    ("share", "floor", "high_of_twenty"), [(0.1, 10, 18), (0.5, 2, 10), (0.25, 4, 15), (0.0, 0, 20)]
)
def test_the_low_lanes_share_becomes_a_floor(
    bench: Bench, share: float, floor: int, high_of_twenty: int
) -> None:
    gate = replace(FAST, low_lane_share=share)
    assert gate.floor == floor
    bench.put(*names(30, "high"), lane=Lane.HIGH)
    bench.put(*names(30, "low"), lane=Lane.LOW)
    served = []
    for _ in range(20):
        bench.pass_ms(1)
        served.append(granted(bench, gate=gate).lane)
    assert served.count(Lane.HIGH) == high_of_twenty


def test_streams_of_a_lane_take_turns(bench: Bench) -> None:
    bench.put(*names(500), kind=Kind.PRODUCT)
    bench.put(*names(4), kind=Kind.SALE)
    bench.put(*names(4), kind=Kind.SALE, channel="other")
    served = []
    for _ in range(12):
        bench.pass_ms(1)
        claim = granted(bench)
        served.append((claim.kind, claim.channel))
    for start in range(0, 12, 3):
        assert len(set(served[start : start + 3])) == 3


def test_a_high_job_in_an_empty_lane_gets_its_token_within_two_intervals(bench: Bench) -> None:
    bench.put(*names(300, "low"))
    for _ in range(25):
        while isinstance(bench.claim(Lane.LOW, TEN), Granted):
            pass
        bench.pass_ms(10)
    for arrival in range(12):
        bench.put(f"new{arrival}", lane=Lane.HIGH)
        waited = 0
        while not (
            isinstance(claim := bench.claim(Lane.LOW, TEN), Granted) and claim.lane == "high"
        ):
            bench.pass_ms(10)
            waited += 10
        assert waited <= 2 * 1000 / TEN.rate
        bench.pass_ms(17)


def test_the_head_of_a_low_stream_is_served_within_ten_tokens_per_stream(bench: Bench) -> None:
    bench.put(*names(400, "high"), lane=Lane.HIGH)
    streams = [(Kind.PRODUCT, "a"), (Kind.PRODUCT, "b"), (Kind.SALE, "a"), (Kind.SALE, "b")]
    for kind, channel in streams:
        bench.put(*names(200), kind=kind, channel=channel)
    one_by_one = replace(FAST, batch_items=1)
    since = dict.fromkeys(streams, 0)
    longest = 0
    for token in range(1, 301):
        bench.pass_ms(1)
        claim = granted(bench, Lane.HIGH, one_by_one)
        if claim.lane == Lane.LOW:
            stream = (claim.kind, claim.channel)
            longest = max(longest, token - since[stream])
            since[stream] = token
    assert longest <= 10 * len(streams)
    assert min(since.values()) >= 300 - 10 * len(streams)


def test_a_batch_takes_fifty_items_in_the_order_of_their_places(bench: Bench) -> None:
    bench.put(*names(120), kind=Kind.PRODUCT)
    sizes = []
    keys = []
    for _ in range(3):
        bench.pass_ms(1)
        items = granted(bench).items
        sizes.append(len(items))
        keys += [item.key for item in items]
    assert sizes == [50, 50, 20]
    assert keys == [f"product:default:{name}" for name in names(120)]


def test_a_sale_travels_alone(bench: Bench) -> None:
    bench.put("1", "2", kind=Kind.SALE)
    assert len(granted(bench).items) == 1


def test_a_batch_ends_before_it_passes_a_megabyte(bench: Bench) -> None:
    bench.put(*names(5), kind=Kind.PRODUCT, body=b'"%s"' % (b"x" * 400_000))
    sizes = []
    for _ in range(3):
        bench.pass_ms(1)
        sizes.append(len(granted(bench).items))
    assert sizes == [2, 2, 1]


def test_an_item_over_the_limit_still_goes_alone(bench: Bench) -> None:
    bench.put("a", kind=Kind.PRODUCT)
    bench.put("huge", kind=Kind.PRODUCT, body=b'"%s"' % (b"x" * 1_200_000))
    bench.put("z", kind=Kind.PRODUCT)
    sizes = []
    for _ in range(3):
        bench.pass_ms(1)
        sizes.append([item.key[-1] for item in granted(bench).items])
    assert sizes == [["a"], ["e"], ["z"]]


def test_what_is_pending_of_both_wishes_goes_in_two_requests(bench: Bench) -> None:
    bench.put_links(Kind.ACKNOWLEDGE, "sku", "one", "two")
    bench.put_links(Kind.DISCONNECT, "sku", "three")
    first = granted(bench)
    assert first.kind == Kind.ACKNOWLEDGE
    assert [fragment.link for fragment in first.items[0].fragments] == ["one", "two"]
    bench.pass_ms(1)
    assert bench.claim() == Empty()
    bench.queue.settle(first.lease, Settlement([Delivered()]))
    second = granted(bench)
    assert second.kind == Kind.DISCONNECT
    assert [fragment.link for fragment in second.items[0].fragments] == ["three"]


def test_a_job_whose_lease_expired_is_claimed_alone(bench: Bench) -> None:
    bench.put("a", "b", "c", kind=Kind.PRODUCT)
    assert len(granted(bench).items) == 3
    bench.pass_ms(30_001)
    for _ in range(3):
        assert len(granted(bench).items) == 1
        bench.pass_ms(1)


def test_three_leases_lost_alone_make_a_job_dead(bench: Bench) -> None:
    bench.put("a", kind=Kind.PRODUCT)
    for _ in range(4):
        assert bench.queue.stats().dead == 0
        granted(bench)
        bench.pass_ms(30_001)
        bench.queue.look([Lane.LOW])
    view = bench.queue.show(Kind.PRODUCT, "default", "a")
    assert view is not None
    assert (view.state, view.crashes, view.last_status) == ("dead", 3, "poison")


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS])
def test_a_stepped_clock_of_the_host_neither_bursts_nor_stalls(bench: Bench, step_ms: int) -> None:
    bench.put(*names(5))
    first = granted(bench, gate=TEN)
    second = granted(bench, gate=TEN)
    # The call just made read the host's clock, so the stored reading is the present; shifting it
    # one way is the host's clock stepping the other way.
    bench.redis.hincrbyfloat(bench.key("meta"), "wall", -step_ms)
    before = bench.now_ms()
    claim = bench.running.claim(Lane.LOW, TEN, "after-the-step")
    assert isinstance(claim, Wait)
    assert 0.09 <= claim.seconds <= 0.1001
    assert bench.now_ms() == before
    assert bench.running.renew([first.lease, second.lease], 30_000) == {first.lease, second.lease}
    assert isinstance(bench.running.settle(first.lease, Settlement([Delivered()])), Settled)


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
def test_a_stepped_clock_of_the_host_keeps_pauses_and_delays(bench: Bench, step_ms: int) -> None:
    bench.put("1")
    flight = granted(bench)
    bench.queue.settle(flight.lease, Settlement([Retry(60_000)]))
    bench.queue.pause("account", 90, "told so")
    bench.redis.hincrbyfloat(bench.key("meta"), "wall", -step_ms)
    stats = bench.running.stats()
    assert stats.next_due_ms == pytest.approx(60_000, abs=1)
    assert [pause.left_ms for pause in stats.pauses] == [pytest.approx(90_000, abs=1)]


def test_time_passes_with_the_host_between_two_calls(bench: Bench) -> None:
    bench.queue.stats()
    before = bench.now_ms()
    bench.redis.hincrbyfloat(bench.key("meta"), "wall", -5_000)
    bench.running.stats()
    assert 5_000 <= bench.now_ms() - before < 10_000


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("account", Paused(60.0)),
        ("lane:low", Paused(60.0)),
        ("channel:default", Paused(60.0)),
        ("endpoint:default:sale", Paused(60.0)),
        ("lane:high", None),
        ("channel:other", None),
        ("endpoint:default:product", None),
    ],
)
def test_a_pause_stops_what_it_names(bench: Bench, scope: str, expected: Paused | None) -> None:
    bench.put("1")
    bench.queue.pause(scope, 60, "a test")
    claim = bench.claim()
    assert claim == expected if expected else isinstance(claim, Granted)


def test_a_pause_ends_by_itself_or_with_resume(bench: Bench) -> None:
    bench.put("1", "2")
    bench.queue.pause("account", 60, "a test")
    bench.pass_ms(60_000)
    granted(bench)
    bench.queue.pause("account", None, "a test")
    bench.pass_ms(HOUR_MS)
    assert bench.claim() == Paused(None)
    assert bench.queue.resume("account") == 1
    granted(bench)


def test_a_pause_of_no_length_is_not_one_until_resumed(bench: Bench) -> None:
    bench.put("1")
    bench.queue.pause("account", 0, "a test")
    bench.pass_ms(2)
    granted(bench)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(bench: Bench, rate: float) -> None:
    with pytest.raises(ValueError, match="expected requests/s above 0"):
        bench.queue.set_rate(rate)


def test_a_settle_repeated_after_its_reply_was_lost_is_answered_again(bench: Bench) -> None:
    bench.put("1", "2")
    flight = granted(bench)
    assert bench.queue.settle(flight.lease, Settlement([Delivered()])) == Settled(())
    assert bench.queue.settle(flight.lease, Settlement([Delivered()])) == Settled(())
    ledger = bench.queue.stats().ledger
    assert (ledger.delivered, ledger.fenced) == (1, 0)


def test_after_a_silence_every_lease_has_a_fresh_term(bench: Bench) -> None:
    bench.put("1")
    flight = granted(bench)
    bench.pass_ms(29_000)
    bench.queue.stats()
    hour_ago = float(bench.redis.hget(bench.key("meta"), "wall") or 0) - HOUR_MS
    bench.redis.hset(bench.key("meta"), "wall", hour_ago)
    bench.running.stats()
    bench.pass_ms(29_000)
    assert isinstance(bench.queue.settle(flight.lease, Settlement([Delivered()])), Settled)
    assert bench.queue.stats().ledger.expired == 0


def test_an_old_lease_settles_nothing(bench: Bench) -> None:
    bench.put("1")
    lost = granted(bench)
    bench.pass_ms(30_001)
    assert bench.queue.settle(lost.lease, Settlement([Delivered()])) == Fenced()
    again = granted(bench)
    assert bench.queue.settle(lost.lease, Settlement([Delivered()])) == Fenced()
    assert bench.queue.renew([lost.lease, again.lease], 30_000) == {again.lease}
    assert isinstance(bench.queue.settle(again.lease, Settlement([Delivered()])), Settled)
    assert bench.queue.stats().ledger.fenced == 2


@pytest.mark.parametrize(("sent", "fenced"), [(False, 0), (True, 1)])
def test_a_release_of_what_was_never_granted_is_no_outcome_that_came_too_late(
    bench: Bench, *, sent: bool, fenced: int
) -> None:
    assert bench.queue.release("never granted", sent=sent) == Fenced()
    assert bench.queue.stats().ledger.fenced == fenced


def test_a_claim_repeated_under_its_lease_is_answered_the_same(bench: Bench) -> None:
    bench.put(*names(3), kind=Kind.PRODUCT)
    bench.put("1", kind=Kind.SALE)
    first = bench.queue.claim(Lane.LOW, TEN, "lease")
    again = bench.queue.claim(Lane.LOW, TEN, "lease")
    assert isinstance(first, Granted)
    assert isinstance(again, Granted)
    assert replace(again, more=first.more) == first
    stats = bench.queue.stats()
    assert (stats.flights, stats.ledger.requests) == (1, 1)
    assert stats.in_flight == len(first.items)


@pytest.mark.parametrize("verdict", [Delivered(), Retry(60_000), Released()])
def test_a_late_copy_of_a_claim_that_was_settled_takes_no_token_and_no_job(
    bench: Bench, verdict: Verdict
) -> None:
    bench.put("1", "2")
    assert isinstance(bench.queue.claim(Lane.LOW, TEN, "lease"), Granted)
    bench.queue.settle("lease", Settlement([verdict]))
    bench.pass_ms(1_000)
    pending = bench.queue.stats().pending
    before = bench.redis.hget(bench.key("gate"), "tat")
    assert bench.queue.claim(Lane.LOW, TEN, "lease") == Empty()
    stats = bench.queue.stats()
    assert (stats.pending, stats.in_flight, stats.ledger.requests) == (pending, 0, 1)
    assert bench.redis.hget(bench.key("gate"), "tat") == before
    assert isinstance(bench.claim(gate=TEN), Granted)


def test_a_new_sale_wakes_nobody_while_a_low_drain_is_expected_at_the_gate(bench: Bench) -> None:
    bench.put(*names(60), kind=Kind.PRODUCT)
    granted(bench, Lane.LOW, TEN)
    assert bench.put("sale", lane=Lane.HIGH).wake == ()


def test_a_drain_that_does_not_come_back_within_three_intervals_is_not_counted_on(
    bench: Bench,
) -> None:
    bench.put(*names(60), kind=Kind.PRODUCT)
    granted(bench, Lane.LOW, TEN)
    bench.pass_ms(301)
    assert bench.put("sale", lane=Lane.HIGH).wake == (Lane.HIGH,)


def test_a_drain_that_saw_no_more_work_is_not_counted_on(bench: Bench) -> None:
    bench.put("only", kind=Kind.PRODUCT)
    granted(bench, Lane.LOW, TEN)
    assert bench.put("sale", lane=Lane.HIGH).wake == (Lane.HIGH,)


def test_a_drain_of_the_high_lane_does_not_attend_the_low_one(bench: Bench) -> None:
    bench.put("1", "2", lane=Lane.HIGH)
    granted(bench, Lane.HIGH, TEN)
    assert bench.put("update", lane=Lane.LOW).wake == (Lane.LOW,)
