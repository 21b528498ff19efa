"""A 429: the account pauses for as long as it was asked, and the rate is lowered."""

import pytest
from tests.queue.bench import Bench

from onport_queue.events import EventName
from onport_queue.flight import Answer, Gate, Granted, Paused, Released, Settlement, Wait
from onport_queue.names import Lane

FIFTY = Gate(rate=50)


def granted(bench: Bench) -> Granted:
    claim = bench.claim(Lane.LOW, FIFTY)
    assert isinstance(claim, Granted), claim
    return claim


def throttle(bench: Bench, flight: Granted, asked_ms: int | None = 1_000) -> tuple[EventName, ...]:
    settlement = Settlement(
        [Released()], Answer.THROTTLED, sent=False, status="429", retry_after_ms=asked_ms
    )
    settled = bench.queue.settle(flight.lease, settlement)
    return tuple(event.name for event in getattr(settled, "events", ()))


def throttled_for(bench: Bench, asked_ms: int | None) -> float | None:
    throttle(bench, granted(bench), asked_ms)
    claim = bench.claim(Lane.LOW, FIFTY)
    assert isinstance(claim, Paused), claim
    return claim.seconds


@pytest.fixture
def busy(bench: Bench) -> Bench:
    bench.put(*(f"s{number}" for number in range(50)))
    return bench


@pytest.mark.parametrize(
    ("asked_ms", "seconds"),
    [(1, 0.001), (7_000, 7.0), (3_600_000, 3_600.0), (99_999_999, 3_600.0), (None, 1.0)],
)
def test_a_429_pauses_for_what_it_asks_at_most_an_hour(
    busy: Bench, asked_ms: int | None, seconds: float
) -> None:
    assert throttled_for(busy, asked_ms) == pytest.approx(seconds)


def test_429s_that_do_not_say_pause_twice_as_long_each_time_up_to_a_minute(busy: Bench) -> None:
    paused = []
    for _ in range(8):
        seconds = throttled_for(busy, None)
        assert seconds is not None
        paused.append(seconds)
        busy.pass_ms(seconds * 1000 + 1)
    assert paused == [1, 2, 4, 8, 16, 32, 60, 60]


def test_an_accepted_request_makes_the_next_unasked_pause_a_second_again(busy: Bench) -> None:
    for seconds in (1, 2):
        assert throttled_for(busy, None) == seconds
        busy.pass_ms(seconds * 1000 + 1)
    flight = granted(busy)
    busy.queue.settle(flight.lease, Settlement([Released()], Answer.ACCEPTED))
    busy.pass_ms(1_000)
    assert throttled_for(busy, None) == 1


def test_a_throttled_job_keeps_its_place_and_its_attempts(busy: Bench) -> None:
    throttled_for(busy, 1_000)
    busy.pass_ms(1_001)
    item = granted(busy).items[0]
    assert (item.key, item.attempts) == ("sale:default:s0", 0)


def test_requests_on_the_wire_when_the_first_429_came_lower_the_rate_no_further(
    busy: Bench,
) -> None:
    first, second = granted(busy), granted(busy)
    assert throttle(busy, first) == (EventName.RATE_LOWERED,)
    lowered = busy.queue.stats().rate_allowed
    assert throttle(busy, second) == ()
    assert busy.queue.stats().rate_allowed == lowered == pytest.approx(0.99 * 50)


def test_a_later_429_never_shortens_the_pause(busy: Bench) -> None:
    first, second = granted(busy), granted(busy)
    throttle(busy, first, 9_000)
    throttle(busy, second, 2_000)
    assert busy.claim(Lane.LOW, FIFTY) == Paused(9.0)


def test_an_operators_pause_stands_beside_that_of_a_429(busy: Bench) -> None:
    flight = granted(busy)
    busy.queue.pause("account", None, "maintenance")
    throttle(busy, flight, 2_000)
    busy.pass_ms(2_001)
    assert busy.claim(Lane.LOW, FIFTY) == Paused(None)
    assert [pause.cause for pause in busy.queue.stats().pauses] == ["operator"]


def test_the_endpoints_empty_bucket_meets_no_burst_after_the_pause(busy: Bench) -> None:
    throttled_for(busy, 1_000)
    busy.pass_ms(1_001)
    granted(busy)
    assert isinstance(busy.claim(Lane.LOW, FIFTY), Wait)


def test_a_pause_that_is_ended_early_does_not_stall_the_gate(busy: Bench) -> None:
    throttled_for(busy, 3_600_000)
    busy.queue.resume("account")
    busy.claim(Lane.LOW, FIFTY)
    busy.pass_ms(50)
    granted(busy)


def test_the_rate_climbs_back_to_the_ceiling_and_says_so(bench: Bench) -> None:
    bench.put(*(f"s{number:04d}" for number in range(500)))
    bench.put(*(f"t{number:04d}" for number in range(500)))
    throttled_for(bench, 1)
    assert bench.queue.stats().rate_limit == pytest.approx(0.99 * 50)
    for _ in range(900):
        bench.pass_ms(21)
        granted(bench)
    stats = bench.queue.stats()
    assert (stats.rate_limit, stats.rate_allowed) == (None, 50)
    assert stats.events[0].name == EventName.RATE_RESTORED


def test_a_rate_that_is_set_forgets_what_was_learnt(busy: Bench) -> None:
    throttled_for(busy, 1_000)
    busy.queue.set_rate(None)
    assert busy.queue.stats().rate_limit is None
