"""The floor as a contender."""

from pathlib import Path

from tests.benchmarks.peers.peer import Peer

_MODULE = "tests.benchmarks.peers.httpx_loop.app"


def httpx_loop(python: Path) -> Peer:
    """Return the threaded loop over one client in each process."""
    return Peer(
        name="httpx-loop",
        title="Floor: a bare httpx loop",
        setup_text="threads over one httpx.Client, bodies ready in memory and sent again and "
        "again; no queue at all",
        module=_MODULE,
        packages=("httpx",),
        commands=lambda setup: [
            ("-m", _MODULE, str(process)) for process in range(setup.processes)
        ],
        python=python,
    )
