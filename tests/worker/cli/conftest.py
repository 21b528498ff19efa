import os
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner, Result

from onport_queue.settings import ENVIRONMENT_PREFIX
from onport_queue.store import Queue
from onport_worker.cli.app import app

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those a test gives."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def run_alone() -> Run:
    """Run the command line in this process, without a broker."""

    def run(*arguments: str, stdin: bytes | str | None = None, **settings: str) -> Result:
        environment = {f"{ENVIRONMENT_PREFIX}{name}": value for name, value in settings.items()}
        return CliRunner().invoke(
            app, arguments, input=stdin, env=environment, prog_name="onport-relay"
        )

    return run


@pytest.fixture
def run(run_alone: Run, broker_url: str, redis_client: redis.Redis) -> Run:
    """Run the command line in this process, with an empty broker."""
    del redis_client

    def with_broker(*arguments: str, stdin: bytes | str | None = None, **settings: str) -> Result:
        return run_alone(*arguments, stdin=stdin, **{"REDIS_URL": broker_url, **settings})

    return with_broker


@pytest.fixture
def queue(redis_client: redis.Redis) -> Queue:
    return Queue(redis_client)
