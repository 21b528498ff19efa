"""The relay, set up as `up` does it: nothing is tuned for a bench."""

import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version

from tests.benchmarks.contender import Arena, Shop, publisher
from tests.benchmarks.machine import relay_version
from tests.benchmarks.peers.setup import HASH, HIGH_CONCURRENCY, Setup

from onport_queue.broker import connect
from onport_queue.names import Lane
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue
from onport_worker.demo.stage import await_workers
from onport_worker.fleet import Fleet, WorkerPlan, worker_environment

_HIGHEST_RATE = 10_000.0
_MODULE = "tests.benchmarks.peers.relay.app"
_BARE_MODULE = "tests.benchmarks.peers.relay.bare"


class Relay:
    """Us."""

    name: str = "relay"
    title: str = "Onport Relay"
    setup_text: str = (
        "its default settings; as many worker processes and threads as the others, "
        "and for order-under-load a worker for new sales, as `up` has it"
    )

    def versions(self) -> Mapping[str, str]:
        """Return ours, and of what sends and wakes."""
        packages = ("celery", "kombu", "redis", "hiredis", "httpx")
        return {"onport-relay": relay_version()} | {name: version(name) for name in packages}

    def publishing(self, arena: Arena, setup: Setup) -> AbstractContextManager[Shop]:
        """Run a shop's process."""
        return _publishing(_MODULE, arena, setup)

    @contextmanager
    def working(self, arena: Arena, setup: Setup) -> Iterator[Collection[int]]:
        """Run workers; what they have in flight at the end is released at once."""
        plans = [
            WorkerPlan(f"w{number}", (Lane.HIGH, Lane.LOW), setup.concurrency)
            for number in range(setup.processes)
        ]
        if setup.lanes:
            plans.insert(0, WorkerPlan("high", (Lane.HIGH,), HIGH_CONCURRENCY))
        settings = _settings(arena, setup)
        with (
            Fleet(settings, plans, arena.home / "contender.log") as fleet,
            connect(arena.broker_url) as redis,
        ):
            try:
                await_workers(fleet, Queue(redis))
                yield fleet.pids
            finally:
                fleet.stop_at_once()


class BarePut(Relay):
    """The queue's part of a put, without the producer around it."""

    name = "relay-put"
    title = "Onport Relay, the put alone"
    setup_text = (
        "`Queue.put`, which `create_sale` calls once it has checked the sale, and in a thread so "
        "that no broker can hold a checkout up"
    )

    def publishing(self, arena: Arena, setup: Setup) -> AbstractContextManager[Shop]:
        """Run a process that has a queue."""
        return _publishing(_BARE_MODULE, arena, setup)


def _publishing(module: str, arena: Arena, setup: Setup) -> AbstractContextManager[Shop]:
    environment = worker_environment(_settings(arena, setup))
    return publisher([sys.executable, "-m", module], environment, arena)


def _settings(arena: Arena, setup: Setup) -> Settings:
    return load_settings(
        redis_url=setup.broker,
        base_url=setup.endpoint,
        webhook_hash=HASH,
        rate=setup.rate or _HIGHEST_RATE,
        concurrency=setup.concurrency,
        data_dir=arena.home,
    )
