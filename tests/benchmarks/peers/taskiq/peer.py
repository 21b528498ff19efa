"""taskiq as a contender; how it is set up and why, tells app.py."""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.setup import HIGH_CONCURRENCY, Setup

_MODULE = "tests.benchmarks.peers.taskiq.app"


def taskiq(python: Path) -> Peer:
    """Return it with a bucket in Redis."""
    return Peer(
        name="taskiq",
        title="taskiq",
        setup_text="Redis streams, acknowledged; uvloop; a bucket in Redis; a stream and a worker "
        "for new sales",
        module=_MODULE,
        packages=("taskiq", "taskiq-redis", "redis", "hiredis", "httpx", "uvloop"),
        commands=_commands,
        python=python,
    )


def _commands(setup: Setup) -> Sequence[Sequence[str]]:
    workers = [_worker("low", setup.processes, setup.concurrency)]
    if setup.lanes:
        workers.insert(0, _worker("high", 1, HIGH_CONCURRENCY))
    return workers


def _worker(broker: str, processes: int, tasks: int) -> Sequence[str]:
    size = ("--workers", str(processes), "--max-async-tasks", str(tasks))
    return ["-m", "taskiq", "worker", f"{_MODULE}:{broker}", *size, "--log-level", "ERROR"]
