from datetime import UTC, datetime, timedelta

import pytest
import redis

from onport_queue.runs import RUNS_KEPT, Begun, Outcome, Runs, Tally

TERM = timedelta(seconds=30)
FIRST = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


def tick(number: int) -> datetime:
    return FIRST + number * timedelta(minutes=5)


@pytest.fixture
def runs(redis_client: redis.Redis) -> Runs:
    runs = Runs(redis_client)
    runs.meet("links", "every 5m", tick(0))
    return runs


def pass_seconds(client: redis.Redis, seconds: float) -> None:
    """Move the queue's clock."""
    client.hincrbyfloat("onport-relay:{default}:meta", "now", seconds * 1000)


def outcomes(runs: Runs) -> list[tuple[Outcome, datetime]]:
    return [(run.outcome, run.tick) for run in reversed(runs.history("links"))]


def test_a_new_schedule_is_first_due_at_its_next_tick(runs: Runs) -> None:
    assert runs.tick("links", tick(0)) is None
    assert runs.tick("links", tick(1)) == tick(1)


def test_of_many_beats_one_tells_a_worker(runs: Runs) -> None:
    assert [runs.tick("links", tick(1)) for _ in range(5)] == [tick(1), None, None, None, None]


def test_a_beat_that_is_behind_brings_no_old_tick_back(runs: Runs) -> None:
    runs.tick("links", tick(2))
    assert runs.begin("links", tick(2), "a", term=TERM) is Begun.BEGUN
    runs.finish("links", "a", Outcome.DONE, Tally())
    assert runs.tick("links", tick(1)) is None
    assert outcomes(runs) == [(Outcome.DONE, tick(2))]


def test_a_beat_that_is_ahead_of_the_broker_waits(runs: Runs) -> None:
    soon = datetime.fromtimestamp(FIRST.timestamp() + 10 * 365 * 86_400, UTC)
    assert runs.tick("links", soon) is None
    assert runs.tick("links", tick(1)) == tick(1)


def test_of_ticks_that_no_beat_was_there_for_the_newest_is_caught_up_once(runs: Runs) -> None:
    assert runs.tick("links", tick(40)) == tick(40)
    assert runs.begin("links", tick(40), "a", term=TERM) is Begun.BEGUN
    runs.finish("links", "a", Outcome.DONE, Tally())
    assert runs.tick("links", tick(40)) is None


def test_a_tick_is_begun_once(runs: Runs) -> None:
    runs.tick("links", tick(1))
    assert runs.begin("links", tick(1), "a", term=TERM) is Begun.BEGUN
    assert runs.begin("links", tick(1), "b", term=TERM) is Begun.BUSY
    assert runs.finish("links", "a", Outcome.DONE, Tally())
    assert runs.begin("links", tick(1), "b", term=TERM) is Begun.GONE


def test_beginning_again_under_the_same_lease_is_the_same_run(runs: Runs) -> None:
    runs.tick("links", tick(1))
    for _ in range(2):
        assert runs.begin("links", tick(1), "a", term=TERM) is Begun.BEGUN
    runs.finish("links", "a", Outcome.DONE, Tally())
    assert len(runs.history("links")) == 1


def test_a_worker_that_did_not_hear_is_told_again_less_and_less(
    runs: Runs, redis_client: redis.Redis
) -> None:
    assert runs.tick("links", tick(1)) == tick(1)
    told = []
    for _ in range(200):
        pass_seconds(redis_client, 1)
        told.append(runs.tick("links", tick(1)))
    assert told.index(tick(1)) == 5 - 1
    assert told.count(tick(1)) == 5  # after 5, 15, 35, 75, 155 s


def test_a_run_that_goes_on_makes_the_next_tick_a_skipped_one(runs: Runs) -> None:
    runs.tick("links", tick(1))
    runs.begin("links", tick(1), "a", term=TERM)
    assert runs.tick("links", tick(2)) is None
    runs.finish("links", "a", Outcome.DONE, Tally())
    assert runs.tick("links", tick(2)) is None
    assert outcomes(runs) == [(Outcome.SKIPPED, tick(2)), (Outcome.DONE, tick(1))]


def test_a_tick_that_no_worker_took_is_recorded_when_the_next_one_comes(runs: Runs) -> None:
    runs.tick("links", tick(1))
    assert runs.tick("links", tick(2)) == tick(2)
    assert outcomes(runs) == [(Outcome.MISSED, tick(1))]


def test_a_run_whose_lease_expires_is_lost_and_run_again_three_times_at_most(
    runs: Runs, redis_client: redis.Redis
) -> None:
    runs.tick("links", tick(1))
    for attempt in range(1, 4):
        assert runs.begin("links", tick(1), f"lease-{attempt}", term=TERM) is Begun.BEGUN
        pass_seconds(redis_client, 31)
        assert runs.tick("links", tick(1)) == (tick(1) if attempt < 3 else None)
    assert outcomes(runs) == [(Outcome.LOST, tick(1))] * 3
    assert [run.attempt for run in runs.history("links")] == [3, 2, 1]


def test_a_lost_run_may_neither_go_on_nor_be_recorded(
    runs: Runs, redis_client: redis.Redis
) -> None:
    runs.tick("links", tick(1))
    runs.begin("links", tick(1), "a", term=TERM)
    pass_seconds(redis_client, 31)
    runs.tick("links", tick(1))
    assert not runs.renew("links", "a", term=TERM, accepted=1)
    assert not runs.finish("links", "a", Outcome.DONE, Tally())
    assert outcomes(runs) == [(Outcome.LOST, tick(1))]


def test_a_renewed_run_goes_on_and_tells_how_far_it_is(
    runs: Runs, redis_client: redis.Redis
) -> None:
    runs.tick("links", tick(1))
    runs.begin("links", tick(1), "a", term=TERM)
    for accepted in (500, 1_000):
        pass_seconds(redis_client, 20)
        assert runs.renew("links", "a", term=TERM, accepted=accepted)
    assert runs.tick("links", tick(1)) is None
    running = runs.standing("links").running
    assert running is not None
    assert (running.tick, running.accepted) == (tick(1), 1_000)


def test_one_that_was_told_to_stop_is_due_again_and_has_not_failed(runs: Runs) -> None:
    runs.tick("links", tick(1))
    for number in range(5):
        assert runs.begin("links", tick(1), str(number), term=TERM) is Begun.BEGUN
        runs.finish("links", str(number), Outcome.STOPPED, Tally(accepted=3), again=True)
        assert runs.tick("links", tick(1)) == tick(1)
    assert {run.attempt for run in runs.history("links")} == {1}


def test_one_that_failed_for_want_of_a_broker_is_run_again_three_times_at_most(
    runs: Runs,
) -> None:
    runs.tick("links", tick(1))
    for number in range(3):
        assert runs.begin("links", tick(1), str(number), term=TERM) is Begun.BEGUN
        runs.finish("links", str(number), Outcome.FAILED, Tally(), again=True)
    assert runs.tick("links", tick(1)) is None


def test_a_run_by_hand_needs_no_tick_and_is_not_due_again(runs: Runs) -> None:
    assert runs.begin("links", None, "a", term=TERM) is Begun.BEGUN
    assert runs.begin("links", None, "b", term=TERM) is Begun.BUSY
    runs.finish("links", "a", Outcome.STOPPED, Tally(), again=True)
    assert runs.tick("links", tick(0)) is None
    (run,) = runs.history("links")
    assert run.by_hand


def test_what_became_of_a_run_is_kept(runs: Runs) -> None:
    runs.begin("links", None, "a", term=TERM)
    tally = Tally(accepted=7, refused=1, warnings=2, spooled=3)
    runs.finish("links", "a", Outcome.FAILED, tally, error="line 3: sku: missing")
    last = runs.standing("links").last
    assert last is not None
    assert (last.accepted, last.refused, last.warnings, last.spooled) == (7, 1, 2, 3)
    assert (last.outcome, last.error) == (Outcome.FAILED, "line 3: sku: missing")
    assert last.began is not None
    assert last.began <= last.ended


def test_the_newest_hundred_are_kept(runs: Runs, redis_client: redis.Redis) -> None:
    for number in range(RUNS_KEPT + 5):
        runs.tick("links", tick(number + 1))
    history = runs.history("links")
    assert redis_client.llen("onport-relay:{default}:runs:links") == RUNS_KEPT == len(history)
    assert history[0].tick == tick(RUNS_KEPT + 4)


def test_a_changed_timing_has_missed_nothing(runs: Runs) -> None:
    runs.tick("links", tick(1))
    runs.meet("links", "every 1m", tick(9))
    assert runs.tick("links", tick(9)) is None
    assert runs.begin("links", tick(1), "a", term=TERM) is Begun.GONE
    assert runs.tick("links", tick(10)) == tick(10)


def test_meeting_it_again_changes_nothing(runs: Runs) -> None:
    runs.meet("links", "every 5m", tick(9))
    assert runs.tick("links", tick(9)) == tick(9)


def test_schedules_and_accounts_do_not_meddle(runs: Runs, redis_client: redis.Redis) -> None:
    others = Runs(redis_client, "other")
    others.meet("links", "every 5m", tick(0))
    runs.meet("orders", "every 5m", tick(0))
    assert runs.tick("links", tick(1)) == tick(1)
    assert runs.tick("orders", tick(1)) == tick(1)
    assert others.tick("links", tick(1)) == tick(1)
    assert redis_client.keys("*") == redis_client.keys("onport-relay:{*}:*")


def test_a_look_that_finds_nothing_costs_no_write(runs: Runs, redis_client: redis.Redis) -> None:
    runs.tick("links", tick(1))
    redis_client.config_resetstat()
    for _ in range(100):
        runs.tick("links", tick(1))
    written = redis_client.info("commandstats").get("cmdstat_hset", {"calls": 0})
    assert written["calls"] < 10  # the queue's clock, now and then
