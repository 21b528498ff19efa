"""arq as a contender; how it is set up and why, tells app.py."""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.setup import Setup

_MODULE = "tests.benchmarks.peers.arq.app"


def arq(python: Path) -> Peer:
    """Return it with a bucket in Redis."""
    return Peer(
        name="arq",
        title="arq",
        setup_text="uvloop, poll_delay 10 ms, results not kept; a bucket in Redis; a queue and a "
        "worker for new sales",
        module=_MODULE,
        packages=("arq", "redis", "hiredis", "httpx", "uvloop"),
        commands=_commands,
        python=python,
    )


def _commands(setup: Setup) -> Sequence[Sequence[str]]:
    workers = ["Low"] * setup.processes + ["High"] * setup.lanes
    return [("-m", "arq", f"{_MODULE}.{worker}") for worker in workers]
