"""The adaptive rate, simulated: it finds a limit that nobody publishes, and follows it."""

import random
from typing import Any

import pytest
from tests.queue.simulation import Endpoint, Relay, rate_functions

CEILING = 125.0
SEEDS = range(20)
LATENCIES = ((20.0, 25.0), (30.0, 80.0), (100.0, 200.0))


@pytest.fixture(scope="module")
def lua() -> Any:  # Any: Lua's functions and tables
    return rate_functions()


def relay(seed: int, endpoint: Endpoint, latency_ms: tuple[float, float] = LATENCIES[0]) -> Relay:
    return Relay(endpoint, CEILING, random.Random(seed), latency_ms)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_limit_is_found_used_and_left_when_it_is_lifted(seed: int) -> None:
    endpoint = Endpoint(lambda at: 50.0 if at < 360_000 else None, burst=5)
    run = relay(seed, endpoint).run(460)
    assert run.use(60, 360, 50 * 300) >= 0.92
    assert run.refused(60, 360) <= 0.005
    assert run.seconds_until(0.95 * CEILING, 360) <= 90


@pytest.mark.parametrize("seed", SEEDS)
def test_a_limit_that_jumps_every_minute_is_followed(seed: int) -> None:
    endpoint = Endpoint(lambda at: (20.0, 80.0)[(int(at / 60_000) + seed) % 2], burst=5)
    run = relay(seed, endpoint, LATENCIES[seed % 3]).run(600)
    assert run.use(0, 600, 50 * 600) >= 0.60
    assert run.refused(0, 600) <= 0.02


def test_nothing_refused_leaves_the_rate_at_the_ceiling(lua: Any) -> None:
    learnt = lua.table()
    lua.use_rate(learnt, 10.0, 8.0)
    assert lua.adapted_rate(learnt, CEILING) == CEILING


def test_a_refusal_is_remembered_and_the_rate_stays_just_under_it(lua: Any) -> None:
    learnt = lua.table()
    assert lua.refuse_rate(learnt, 0, 1, CEILING) == CEILING
    assert lua.adapted_rate(learnt, CEILING) == pytest.approx(0.99 * CEILING)


def test_a_second_refusal_at_once_lowers_the_rate_by_half(lua: Any) -> None:
    learnt = lua.table()
    lua.refuse_rate(learnt, 0, 1, CEILING)
    lua.refuse_rate(learnt, 2, 3, CEILING)
    assert lua.adapted_rate(learnt, CEILING) == pytest.approx(0.5 * 0.99 * CEILING)


def test_requests_claimed_before_a_refusal_teach_nothing_new(lua: Any) -> None:
    learnt = lua.table()
    lua.refuse_rate(learnt, 10, 20, CEILING)
    assert lua.refuse_rate(learnt, 15, 25, CEILING) is None
    assert lua.refuse_rate(learnt, 20, 25, CEILING) is None
    assert lua.refuse_rate(learnt, 21, 25, CEILING) is not None


@pytest.mark.parametrize(("ceiling", "slowest"), [(CEILING, 1.0), (0.25, 0.25)])
def test_the_rate_never_falls_below_the_synchronous_one_or_the_ceiling(
    lua: Any, ceiling: float, slowest: float
) -> None:
    learnt = lua.table()
    for now in range(1, 100):
        lua.refuse_rate(learnt, now, now, ceiling)
    assert lua.adapted_rate(learnt, ceiling) == slowest


def test_the_rate_climbs_only_while_it_is_used(lua: Any) -> None:
    learnt = lua.table()
    lua.refuse_rate(learnt, 0, 1, CEILING)
    lua.refuse_rate(learnt, 2, 3, CEILING)
    lowered = lua.adapted_rate(learnt, CEILING)
    interval = 1000 / lowered
    for _ in range(100):
        lua.use_rate(learnt, 100 * interval, interval)
    assert lua.adapted_rate(learnt, CEILING) == lowered
    for _ in range(100):
        lua.use_rate(learnt, interval, interval)
    assert lua.adapted_rate(learnt, CEILING) > lowered


@pytest.mark.parametrize(
    ("passed_ms", "share"), [(0, 0.1), (999, 0.1), (1_000, 0.2), (3_500, 0.8), (4_000, 1.0)]
)
def test_after_an_outage_the_rate_doubles_each_second_from_a_tenth(
    lua: Any, passed_ms: int, share: float
) -> None:
    assert lua.recovering_rate(10.0, 5_000, 5_000 + passed_ms) == pytest.approx(10 * share)


def test_without_an_outage_there_is_nothing_to_recover_from(lua: Any) -> None:
    assert lua.recovering_rate(10.0, None, 5_000) == 10
