"""What a newer release has written, an older one leaves alone, and says so."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from tests.producers.conftest import CountingWaker

from onport_queue.clock import SystemClock
from onport_queue.names import Lane
from onport_queue.settings import load_settings
from onport_queue.store import Queue
from onport_worker.fleet import WorkerPlan, worker_command, worker_environment
from onport_worker.look import Look

LINE = "the queue in Redis is of format 2, this release of the relay reads 1: upgrade it here"


@pytest.fixture
def newer(redis_client: redis.Redis) -> None:
    redis_client.hset("onport-relay:{default}:meta", "format", 2)


@pytest.mark.usefixtures("newer")
def test_a_worker_ends_with_2_and_says_why(broker_url: str, tmp_path: Path) -> None:
    settings = load_settings(redis_url=broker_url, webhook_hash="a-hash", data_dir=tmp_path)
    ended = subprocess.run(
        worker_command(WorkerPlan("low", (Lane.LOW,), 1)),
        env=worker_environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert f"onport-relay worker: {LINE}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.usefixtures("newer")
def test_one_that_is_at_work_says_it_once(
    redis_client: redis.Redis,
    caplog: pytest.LogCaptureFixture,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    clock = _Hurried()
    look = Look(Queue(redis_client), CountingWaker(), [Lane.LOW], clock, worker="one", prints={})
    look.start()
    wait_until(lambda: clock.waits > 2)
    look.stop()
    told = [record.getMessage() for record in caplog.records if "queue_is_newer" in record.message]
    assert told == [f"queue_is_newer account=default error={LINE}; nothing was changed"]


class _Hurried(SystemClock):
    """Waits for nothing, but counts it."""

    waits = 0

    def wait(self, event: threading.Event, seconds: float) -> bool:
        del seconds
        self.waits += 1
        return super().wait(event, 0.01)
