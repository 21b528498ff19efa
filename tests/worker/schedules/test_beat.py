import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis
from celery import Celery
from kombu import Queue as CeleryQueue
from redis.exceptions import ConnectionError as RedisConnectionError

from onport_queue.clock import SystemClock
from onport_queue.runs import Begun, Outcome, Runs, Tally
from onport_queue.settings import load_settings
from onport_worker import __version__
from onport_worker.schedules.beat import LOOK_S, TickScheduler

TERM = timedelta(seconds=30)


class _Moved(SystemClock):
    """A day's clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wall(self) -> datetime:
        return datetime(2026, 11, 25, 3, 0, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic_s(self) -> float:
        return self.seconds


class _Failing(Runs):
    """A broker that is away while `is_away`."""

    is_away = False

    def tick(self, schedule: str, newest: datetime) -> datetime | None:
        if self.is_away:
            raise RedisConnectionError("away")
        return super().tick(schedule, newest)


@pytest.fixture
def clock() -> _Moved:
    return _Moved()


@pytest.fixture
def runs(redis_client: redis.Redis) -> _Failing:
    return _Failing(redis_client)


@pytest.fixture
def beat(broker_url: str, clock: _Moved, runs: Runs) -> Callable[..., TickScheduler]:
    app = Celery("beats", broker=broker_url, set_as_current=False)
    app.conf.task_queues = [CeleryQueue("schedules")]

    def begun(**changes: object) -> TickScheduler:
        entry = {"name": "links", "kind": "product", "source": "python:shop:items", "every": "10s"}
        settings = load_settings(redis_url=broker_url, schedules=[entry | changes])
        scheduler = TickScheduler(app, lazy=True)
        scheduler.clock = clock
        scheduler.begin(settings, runs)
        return scheduler

    return begun


def messages(client: redis.Redis) -> list[dict[str, object]]:
    return [json.loads(message) for message in client.lrange("schedules", 0, -1)]


def test_a_message_says_schedule_and_tick_and_nothing_else(
    beat: Callable[..., TickScheduler], clock: _Moved, redis_client: redis.Redis
) -> None:
    one = beat()
    one.tick()
    assert messages(redis_client) == []
    clock.seconds = 10
    one.tick()
    (message,) = messages(redis_client)
    headers = message["headers"]
    assert isinstance(headers, dict)
    assert headers["task"] == "onport_relay.run_schedule"
    assert headers["argsrepr"] == "('links', '2026-11-25T03:00:10+00:00')"


def test_of_two_beats_one_tells_of_each_tick(
    beat: Callable[..., TickScheduler], clock: _Moved, runs: Runs, redis_client: redis.Redis
) -> None:
    beats = [beat(), beat()]
    for second in range(100):
        clock.seconds = second
        for one in beats:
            one.tick()
        if due := runs.standing("links").due:
            assert runs.begin("links", due.tick, str(second), term=TERM) is Begun.BEGUN
            runs.finish("links", str(second), Outcome.DONE, Tally())
    assert len(messages(redis_client)) == 9
    ticks = [run.tick.second + 60 * run.tick.minute for run in reversed(runs.history("links"))]
    assert ticks == list(range(10, 100, 10))


def test_one_that_is_off_is_never_due_and_has_missed_nothing_when_it_is_on_again(
    beat: Callable[..., TickScheduler], clock: _Moved, redis_client: redis.Redis
) -> None:
    beat().tick()
    off = beat(enabled=False)
    clock.seconds = 1_000
    off.tick()
    on = beat()
    on.tick()
    assert messages(redis_client) == []
    clock.seconds = 1_010
    on.tick()
    assert len(messages(redis_client)) == 1


def test_what_was_due_while_no_beat_was_there_is_told_once(
    beat: Callable[..., TickScheduler], clock: _Moved, redis_client: redis.Redis
) -> None:
    beat().tick()
    clock.seconds = 1_005
    later = beat()
    for _ in range(3):
        later.tick()
    assert len(messages(redis_client)) == 1


def test_it_looks_again_at_the_next_tick_but_once_a_second_at_least(
    beat: Callable[..., TickScheduler], clock: _Moved
) -> None:
    one = beat()
    clock.seconds = 9.25
    assert one.tick() == pytest.approx(0.75)
    clock.seconds = 10
    assert one.tick() == LOOK_S


def test_a_beat_goes_on_when_the_broker_is_back(
    beat: Callable[..., TickScheduler],
    clock: _Moved,
    runs: _Failing,
    redis_client: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = beat()
    one.tick()
    clock.seconds, runs.is_away = 10, True
    assert [one.tick(), one.tick()] == [LOOK_S, LOOK_S]
    runs.is_away = False
    one.tick()
    assert len(messages(redis_client)) == 1
    assert [record.getMessage().split()[0] for record in caplog.records] == [
        *("broker_lost", "broker_back")
    ]


def test_a_beat_is_known_to_be_at_work_and_noted_every_ten_seconds_only(
    beat: Callable[..., TickScheduler], clock: _Moved, runs: Runs, redis_client: redis.Redis
) -> None:
    assert runs.beat() is None
    one = beat()
    one.tick()
    assert runs.beat() == __version__
    assert 0 < redis_client.pttl("onport-relay:{default}:beat") <= 30_000

    redis_client.delete("onport-relay:{default}:beat")
    clock.seconds = 9
    one.tick()
    assert runs.beat() is None
    clock.seconds = 10
    one.tick()
    assert runs.beat() == __version__


def test_without_a_broker_in_the_settings_it_ends_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ONPORT_RELAY_REDIS_URL", raising=False)
    with pytest.raises(SystemExit) as ended:
        TickScheduler(Celery("beats", set_as_current=False))
    assert ended.value.code == 2
    assert "onport-relay beat: redis_url: missing" in capsys.readouterr().err
