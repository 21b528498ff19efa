"""The floor of a put as a contender; it has no workers."""

from pathlib import Path

from tests.benchmarks.peers.peer import Peer


def lpush(python: Path) -> Peer:
    """Return a client that pushes."""
    return Peer(
        name="lpush",
        title="Floor: LPUSH",
        setup_text="redis-py, one LPUSH of a ready body",
        module="tests.benchmarks.peers.lpush.app",
        packages=("redis", "hiredis"),
        commands=lambda _: (),
        python=python,
    )
