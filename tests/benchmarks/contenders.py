"""All contenders by name, the relay first."""

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from tests.benchmarks.contender import Contender
from tests.benchmarks.environments import Environments
from tests.benchmarks.peers.arq.peer import arq
from tests.benchmarks.peers.celery.peer import celery, celery_bucket, celery_prefork
from tests.benchmarks.peers.dramatiq.peer import dramatiq
from tests.benchmarks.peers.httpx_loop.peer import httpx_loop
from tests.benchmarks.peers.lpush.peer import lpush
from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.relay.contender import BarePut, Relay
from tests.benchmarks.peers.taskiq.peer import taskiq

RELAY = Relay.name
_PEERS: Mapping[str, tuple[str, Callable[[Path], Peer]]] = {
    "celery": ("celery", celery),
    "celery-prefork": ("celery", celery_prefork),
    "celery-bucket": ("celery", celery_bucket),
    "dramatiq": ("dramatiq", dramatiq),
    "arq": ("arq", arq),
    "taskiq": ("taskiq", taskiq),
    "httpx-loop": ("httpx_loop", httpx_loop),
    "lpush": ("lpush", lpush),
}
"""By name: the folder of the lock, and how to make one with an interpreter."""

NAMES = (RELAY, BarePut.name, *_PEERS)
OURS = (RELAY, BarePut.name, "celery", "celery-prefork", "celery-bucket", "httpx-loop", "lpush")
"""Those that the workspace's own lock has all packages of."""


def contenders(names: Collection[str], environments: Environments) -> Mapping[str, Contender]:
    """Return those of these names, each in its own environment."""
    made = _relays()
    for name, (folder, make) in _PEERS.items():
        if name in names:
            made[name] = make(environments.python(folder))
    return {name: made[name] for name in made if name in names}


def in_this_environment(names: Collection[str]) -> Mapping[str, Contender]:
    """Return those of these names that need nothing but the workspace's own environment."""
    python = Path(sys.executable)
    made = _relays() | {name: _PEERS[name][1](python) for name in OURS if name in _PEERS}
    return {name: made[name] for name in made if name in names}


def _relays() -> dict[str, Contender]:
    return {RELAY: Relay(), BarePut.name: BarePut()}
