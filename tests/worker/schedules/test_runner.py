import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from redis.exceptions import ConnectionError as RedisConnectionError

from onport_producers.schedule import Report
from onport_queue.clock import SystemClock
from onport_queue.runs import Outcome, Runs, Tally
from onport_queue.schedule import Schedule
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue
from onport_worker.schedules.runner import Runner

ROOT = Path(__file__).parents[3]
TICK = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
WaitUntil = Callable[..., None]


class _Quick(SystemClock):
    """Runs twenty times as fast."""

    def monotonic_s(self) -> float:
        return 20 * super().monotonic_s()


class _Deaf(Runs):
    """A broker that is away when a run is renewed."""

    def renew(self, schedule: str, lease: str, *, term: timedelta, accepted: int) -> bool:
        raise RedisConnectionError(f"away: {schedule}, {lease}, {term}, {accepted}")


class Bench:
    """A runner of one schedule, its tick due."""

    def __init__(self, settings: Settings, runs: Runs) -> None:
        self.schedule: Schedule = settings.schedules[0]
        self.runs = runs
        self.stopped = threading.Event()
        self._settings = settings
        runs.meet(self.schedule.name, self.schedule.timing, TICK - timedelta(minutes=5))
        runs.tick(self.schedule.name, TICK)

    def run(self, clock: SystemClock | None = None) -> Report | None:
        runner = Runner(self._settings, self.runs, is_stopped=self.stopped.is_set, clock=clock)
        return runner.run(self.schedule, TICK)

    @property
    def is_due(self) -> bool:
        return self.runs.standing(self.schedule.name).due is not None


@pytest.fixture
def bench(
    broker_url: str,
    redis_client: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Bench]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def made(function: str, runs: type[Runs] = Runs, **changes: str) -> Bench:
        source = f"python:tests.worker.schedules.feeds:{function}"
        entry = {"name": "links", "kind": "acknowledge", "source": source, "every": "5m"}
        settings = load_settings(
            redis_url=broker_url,
            data_dir=tmp_path,
            schedules=[entry | changes],
            webhook_hash="the-secret",
            page_token="the-secret-of-the-page",
            alerts={"webhook_url": "https://hooks.example/the-secret"},
            channels={"uk": {"webhook_hash": "the-secret", "account": "uk"}},
        )
        return Bench(settings, runs(redis_client))

    return made


def test_a_run_is_a_process_and_its_end_is_recorded(
    bench: Callable[..., Bench], redis_client: redis.Redis
) -> None:
    one = bench("three")
    report = one.run()
    assert report == Report(Outcome.DONE, Tally(accepted=3, warnings=3))
    assert Queue(redis_client).stats().pending == 3
    (run,) = one.runs.history("links")
    assert (run.tick, run.outcome, run.accepted) == (TICK, Outcome.DONE, 3)


def test_a_tick_that_was_run_is_not_run_again(bench: Callable[..., Bench]) -> None:
    one = bench("three")
    one.run()
    assert one.run() is None
    assert len(one.runs.history("links")) == 1


def test_what_the_shop_s_function_prints_does_no_harm(bench: Callable[..., Bench]) -> None:
    assert bench("printing").run() == Report(Outcome.DONE, Tally(accepted=1, warnings=1))


def test_the_shop_s_function_sees_no_secret(bench: Callable[..., Bench]) -> None:
    one = bench("secrets_it_sees")
    assert one.run() == Report(Outcome.DONE, Tally())


def test_a_schedule_puts_into_its_channel_s_account(
    bench: Callable[..., Bench], redis_client: redis.Redis
) -> None:
    bench("three", channel="uk").run()
    assert Queue(redis_client, "uk").stats().pending == 3


def test_one_that_hangs_is_ended_at_its_limit_and_has_failed(bench: Callable[..., Bench]) -> None:
    one = bench("hanging", time_limit="2s")
    report = one.run()
    assert report is not None
    assert (report.outcome, report.error) == (Outcome.FAILED, "ended at its time_limit of 2s")
    assert not one.is_due


def test_one_that_crashes_is_run_again(bench: Callable[..., Bench]) -> None:
    one = bench("crashing")
    report = one.run()
    assert report is not None
    assert (report.outcome, report.error) == (Outcome.FAILED, "its process ended with 7")
    assert one.is_due


def test_one_whose_process_can_not_be_started_is_recorded_and_run_again(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    one = bench("three")
    one.run()
    (run,) = one.runs.history("links")
    assert run.outcome is Outcome.FAILED
    assert run.error == "its process can't be started: No such file or directory"
    assert one.is_due


def test_one_that_is_told_to_stop_puts_what_it_has_read_and_is_due_again(
    bench: Callable[..., Bench],
    redis_client: redis.Redis,
    wait_until: WaitUntil,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FEED_BEGAN", str(tmp_path / "began"))
    one = bench("endless")
    ended: list[Report | None] = []
    thread = threading.Thread(target=lambda: ended.append(one.run()))
    thread.start()
    wait_until((tmp_path / "began").exists)
    one.stopped.set()
    thread.join()
    (report,) = ended
    assert report is not None
    assert report.outcome is Outcome.STOPPED
    assert report.tally.accepted == Queue(redis_client).stats().pending > 0
    assert one.is_due


def test_one_that_does_not_stop_is_ended(bench: Callable[..., Bench]) -> None:
    one = bench("hanging")
    one.stopped.set()
    report = one.run(_Quick())
    assert report is not None
    assert report.outcome is Outcome.STOPPED
    assert one.is_due


def test_one_whose_lease_went_to_another_is_ended_and_records_nothing(
    bench: Callable[..., Bench], redis_client: redis.Redis
) -> None:
    one = bench("hanging")
    runs = one.runs

    class _Slow(_Quick):
        """Loses the lease while nobody looks."""

        def wait(self, event: threading.Event, seconds: float) -> bool:
            redis_client.hincrbyfloat("onport-relay:{default}:meta", "now", 31_000)
            runs.tick("links", TICK)
            return super().wait(event, seconds)

    report = one.run(_Slow())
    assert report is not None
    assert report.outcome is Outcome.LOST
    assert [run.outcome for run in runs.history("links")] == [Outcome.LOST]
    assert one.is_due


def test_one_that_hears_nothing_of_the_broker_ends_before_its_lease_does(
    bench: Callable[..., Bench],
) -> None:
    one = bench("hanging", runs=_Deaf)
    report = one.run(_Quick())
    assert report is not None
    assert (report.outcome, report.error) == (Outcome.FAILED, "the broker was away for long")
    assert one.is_due
