import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner, Result

from onport_queue.flight import Answer, Dead, Empty, Gate, Granted, Settlement
from onport_queue.jobs import Job
from onport_queue.ledger import Stats
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
from onport_queue.settings import ENVIRONMENT_PREFIX
from onport_queue.store import Queue
from onport_worker.cli.app import app

Run = Callable[..., Result]

FAST = Gate(rate=1e6, batch_items=500, prints=dict.fromkeys(("default", "uk", "us"), ("",)))
"""The gate of a worker that has every channel's hash."""


@pytest.fixture(autouse=True)
def _an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those a test gives."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logging_as_before(restored_logging: None) -> None:
    """A command may configure logging, as the process that it is."""


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


def put(
    queue: Queue,
    *keys: str,
    kind: Kind = Kind.SALE,
    lane: Lane = Lane.HIGH,
    channel: str = "default",
    body: bytes = b"{}",
) -> None:
    """Put a job per key, all with one body."""
    jobs = [Job(key, body) for key in keys]
    queue.put(PutBatch(secrets.token_bytes(12), kind, channel, lane, jobs))


def bury(
    queue: Queue,
    *keys: str,
    kind: Kind = Kind.SALE,
    lane: Lane = Lane.HIGH,
    channel: str = "default",
    body: bytes = b"{}",
    status: str = "422",
    text: str = "no such variant",
) -> None:
    """Put a job per key, and let all that is pending die of one answer."""
    put(queue, *keys, kind=kind, lane=lane, channel=channel, body=body)
    while not isinstance(claim := queue.claim(Lane.LOW, FAST, secrets.token_hex(8)), Empty):
        if isinstance(claim, Granted):
            verdicts = [Dead() for _ in claim.items]
            queue.settle(claim.lease, Settlement(verdicts, Answer.NONE, status=status, text=text))
    # Who is buried next has died later, to the millisecond that deaths are told apart by.
    while any(letter.died_ms_ago < 1 for letter in queue.dead()):
        pass


def pass_hours(client: redis.Redis, hours: float) -> None:
    """Move the queue's clock."""
    client.hincrbyfloat("onport-relay:{default}:meta", "now", hours * 3_600_000)


def stats(**facts: object) -> Stats:
    """What an empty relay says of itself, but for these facts."""
    sizes = ("pending", "waiting", "delayed", "in_flight", "dead", "flights")
    boring: dict[str, object] = {"ledger": {}, **dict.fromkeys(sizes, 0)}
    return Stats.model_validate(boring | facts)
