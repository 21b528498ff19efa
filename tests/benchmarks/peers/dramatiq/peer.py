"""dramatiq as a contender; how it is set up and why, tells app.py."""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.setup import HIGH_CONCURRENCY, Setup

_MODULE = "tests.benchmarks.peers.dramatiq.app"


def dramatiq(python: Path) -> Peer:
    """Return it with its WindowRateLimiter."""
    return Peer(
        name="dramatiq",
        title="dramatiq",
        setup_text="Redis broker; WindowRateLimiter of 1 s, waited for in the thread; a queue and "
        "a worker for new sales",
        module=_MODULE,
        packages=("dramatiq", "redis", "hiredis", "httpx"),
        commands=_commands,
        python=python,
    )


def _commands(setup: Setup) -> Sequence[Sequence[str]]:
    if not setup.lanes:
        return [_worker(("high", "low"), setup.processes, setup.concurrency)]
    return [
        _worker(("high",), 1, HIGH_CONCURRENCY),
        _worker(("low",), setup.processes, setup.concurrency),
    ]


def _worker(queues: Sequence[str], processes: int, threads: int) -> Sequence[str]:
    size = ("--processes", str(processes), "--threads", str(threads))
    return ["-m", "dramatiq", _MODULE, "--skip-logging", *size, "--queues", *queues]
