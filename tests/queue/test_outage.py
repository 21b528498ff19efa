"""The breaker: an endpoint that is down costs a few requests and nothing but time."""

import pytest
from tests.queue.bench import Bench

from onport_queue.events import EventName
from onport_queue.flight import (
    Answer,
    Delivered,
    Gate,
    Granted,
    Paused,
    Released,
    Retry,
    Settled,
    Settlement,
    Wait,
)
from onport_queue.names import Kind, Lane

HUNDRED = Gate(rate=100)


def names(many: int, prefix: str = "k") -> list[str]:
    return [f"{prefix}{number:03d}" for number in range(many)]


def claim(bench: Bench, lane: Lane = Lane.LOW, gate: Gate = HUNDRED) -> Granted:
    bench.pass_ms(10)
    claimed = bench.claim(lane, gate)
    assert isinstance(claimed, Granted), claimed
    return claimed


def fail(bench: Bench, flight: Granted, delay_ms: int = 500) -> None:
    verdicts = [Retry(delay_ms) for _ in flight.items]
    bench.queue.settle(flight.lease, Settlement(verdicts, Answer.FAILED, status="503"))


def succeed(bench: Bench, flight: Granted) -> Settled:
    settled = bench.queue.settle(flight.lease, Settlement([Delivered() for _ in flight.items]))
    assert isinstance(settled, Settled)
    return settled


def break_down(bench: Bench) -> None:
    """Fail five sales in a row."""
    for _ in range(5):
        fail(bench, claim(bench))
    assert bench.queue.stats().outage is not None


@pytest.fixture
def busy(bench: Bench) -> Bench:
    bench.put(*names(40))
    return bench


def test_five_failures_in_a_row_pause_the_account(busy: Bench) -> None:
    for _ in range(4):
        fail(busy, claim(busy))
    assert busy.queue.stats().outage is None
    fail(busy, claim(busy))
    stats = busy.queue.stats()
    assert [(pause.scope, pause.cause) for pause in stats.pauses] == [("account", "outage")]
    assert stats.events[0].name == EventName.OUTAGE_BEGAN
    assert stats.events[0].status == "503"
    assert stats.pauses[0].reason == "the endpoint answers 503"
    assert busy.claim(Lane.LOW, HUNDRED) == Paused(1.0)


def test_what_kept_the_answers_away_is_told(busy: Bench) -> None:
    for _ in range(5):
        flight = claim(busy)
        verdicts = [Retry(500) for _ in flight.items]
        unanswered = Settlement(
            verdicts, Answer.FAILED, sent=False, status="not sent", text="ConnectError"
        )
        busy.queue.settle(flight.lease, unanswered)

    stats = busy.queue.stats()
    assert (stats.events[0].status, stats.events[0].cause) == (None, "ConnectError")
    assert stats.pauses[0].reason == "the endpoint does not answer: ConnectError"


@pytest.mark.parametrize("answer", [Answer.ACCEPTED, Answer.THROTTLED, Answer.REFUSED])
def test_any_other_answer_in_between_begins_the_row_anew(busy: Bench, answer: Answer) -> None:
    for _ in range(4):
        fail(busy, claim(busy))
    alive = claim(busy)
    busy.queue.settle(alive.lease, Settlement([Released()], answer, status="422"))
    busy.queue.resume()
    busy.pass_ms(1_000)
    fail(busy, claim(busy))
    assert busy.queue.stats().outage is None


def test_one_job_that_always_fails_is_no_outage(bench: Bench) -> None:
    bench.put("1", "2")
    for _ in range(12):
        fail(bench, claim(bench), 0)
    assert bench.queue.stats().outage is None


def test_a_failed_batch_counts_its_jobs(bench: Bench) -> None:
    bench.put(*names(50), kind=Kind.PRODUCT)
    for _ in range(5):
        fail(bench, claim(bench), 0)
    assert bench.queue.stats().outage is not None


def test_probes_come_after_1_2_4_up_to_60_seconds_and_one_at_a_time(busy: Bench) -> None:
    break_down(busy)
    waited = []
    for _ in range(8):
        paused = busy.claim(Lane.LOW, HUNDRED)
        assert isinstance(paused, Paused)
        assert paused.seconds
        waited.append(paused.seconds)
        busy.pass_ms(paused.seconds * 1000)
        probe = claim(busy)
        assert busy.claim(Lane.LOW, HUNDRED) == Paused(1.0)
        fail(busy, probe, 500)
    assert waited == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_probe_is_never_a_job_that_failed_while_another_waits(busy: Bench) -> None:
    break_down(busy)
    probed = []
    for wait_s in (1, 2, 4, 8, 16, 32):
        busy.pass_ms(wait_s * 1000)
        probe = claim(busy)
        probed.append(probe.items[0].key)
        fail(busy, probe, 0)
    assert len(set(probed)) == 6
    assert all(busy.queue.show(Kind.SALE, "default", key.split(":")[2]) for key in probed)
    assert max(letter_attempts(busy)) == 1


def letter_attempts(bench: Bench) -> list[int]:
    views = (bench.queue.show(Kind.SALE, "default", name) for name in names(40))
    return [view.attempts for view in views if view is not None]


def test_a_probe_that_hangs_brings_no_failed_job_back(busy: Bench) -> None:
    break_down(busy)
    busy.pass_ms(1_000)
    probe = claim(busy)
    for _ in range(20):
        busy.pass_ms(1_000)
        busy.queue.look([Lane.LOW], 0)
    fail(busy, probe)
    busy.pass_ms(2_000)
    assert claim(busy).items[0].attempts == 0


def test_a_job_that_failed_lets_others_go_first_from_the_first_failure_on(busy: Bench) -> None:
    fail(busy, claim(busy), 0)
    busy.pass_ms(1_000)
    item = claim(busy).items[0]
    assert (item.key, item.attempts) == ("sale:default:k001", 0)


def test_with_nothing_else_the_failed_job_itself_is_the_probe(bench: Bench) -> None:
    bench.put("1", "2", "3")
    for _ in range(5):
        fail(bench, claim(bench), 0)
    bench.pass_ms(1_000)
    assert claim(bench).items[0].attempts > 0


def test_a_worker_of_the_high_lane_leaves_the_probe_to_others_for_two_seconds(
    bench: Bench,
) -> None:
    bench.put(*names(5, "new"), lane=Lane.HIGH)
    bench.put(*names(5, "low"))
    for _ in range(5):
        fail(bench, claim(bench, Lane.HIGH, Gate(rate=100, low_lane_share=0)), 0)
    bench.pass_ms(1_500)
    assert not isinstance(bench.claim(Lane.HIGH, HUNDRED), Granted)
    bench.pass_ms(2_000)
    assert isinstance(bench.claim(Lane.HIGH, HUNDRED), Granted)


def test_only_the_probe_closes_the_breaker(busy: Bench) -> None:
    sent_before = claim(busy)
    break_down(busy)
    succeed(busy, sent_before)
    assert busy.queue.stats().outage is not None
    busy.pass_ms(1_000)
    settled = succeed(busy, claim(busy))
    assert [event.name for event in settled.events] == [EventName.OUTAGE_ENDED]
    assert busy.queue.stats().outage is None


def test_failures_of_requests_sent_before_do_not_prolong_the_outage(busy: Bench) -> None:
    sent_before = [claim(busy) for _ in range(3)]
    break_down(busy)
    for flight in sent_before:
        fail(busy, flight)
    outage = busy.queue.stats().outage
    assert outage is not None
    assert outage.openings == 1


def test_a_probe_whose_worker_died_makes_room_for_another(busy: Bench) -> None:
    break_down(busy)
    busy.pass_ms(1_000)
    claim(busy)
    busy.pass_ms(30_001)
    claim(busy)


def test_after_the_outage_the_rate_begins_at_a_tenth_and_doubles_each_second(busy: Bench) -> None:
    break_down(busy)
    busy.pass_ms(1_000)
    succeed(busy, claim(busy))
    allowed = []
    for _ in range(5):
        allowed.append(busy.queue.stats().rate_allowed)
        busy.pass_ms(1_000)
    assert allowed == [pytest.approx(rate) for rate in (10, 20, 40, 80, 100)]


def test_after_the_outage_new_sales_go_first(busy: Bench) -> None:
    break_down(busy)
    busy.put("new", lane=Lane.HIGH)
    busy.pass_ms(1_000)
    assert claim(busy).items[0].key == "sale:default:new"


def test_resume_probes_at_once(busy: Bench) -> None:
    break_down(busy)
    busy.queue.resume()
    busy.pass_ms(10)
    assert isinstance(busy.claim(Lane.LOW, HUNDRED), Granted)
    assert not isinstance(busy.claim(Lane.LOW, HUNDRED), Granted | Wait)


def test_a_look_wakes_nobody_while_the_breaker_is_open(busy: Bench) -> None:
    break_down(busy)
    assert busy.queue.look([Lane.LOW], 0) == ()
    busy.pass_ms(1_000)
    assert busy.queue.look([Lane.LOW], 0) == (Lane.LOW,)
    claim(busy)
    assert busy.queue.look([Lane.LOW], 0) == ()


def test_the_time_of_pauses_does_not_age_a_job(bench: Bench) -> None:
    bench.put("1")
    fail(bench, claim(bench), 0)
    bench.queue.pause("channel:default", 3_600, "maintenance")
    bench.pass_ms(3_600_000 + 5_000)
    assert 5_000 <= claim(bench).items[0].first_attempt_ms_ago < 5_100


def test_overlapping_pauses_never_make_a_job_younger_than_new(bench: Bench) -> None:
    bench.put("1")
    fail(bench, claim(bench), 0)
    bench.queue.pause("account", 60, "one")
    bench.queue.pause("lane:low", 60, "two")
    bench.pass_ms(60_000)
    assert claim(bench).items[0].first_attempt_ms_ago == 0
