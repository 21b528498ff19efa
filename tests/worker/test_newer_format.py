"""What a newer release has written, an older one leaves alone, and says so."""

import subprocess
from pathlib import Path

import pytest
import redis

from onport_queue.names import Lane
from onport_queue.settings import load_settings
from onport_worker.fleet import WorkerPlan, worker_command, worker_environment

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
