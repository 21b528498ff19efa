"""The stage: embedded broker, sandbox and workers for one demonstration, and the run itself."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from onport_producers import Producer
from onport_queue.broker import connect
from onport_queue.clock import Clock, SystemClock
from onport_queue.errors import RelayError
from onport_queue.ledger import Stats
from onport_queue.names import DEFAULT_ACCOUNT, Lane
from onport_queue.picture.text import counted
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_sandbox import SandboxProcess, SandboxSettings
from onport_worker.demo.report import Report, account
from onport_worker.demo.scenario import Extent, Scenario
from onport_worker.demo.shop import Shop
from onport_worker.embedded import EmbeddedBroker
from onport_worker.fleet import Fleet, WorkerPlan

SECRET = "demo-hash"  # noqa: S105 - of a sandbox that lives for this run only
LATENCY_MS = 20.0
CONCURRENCY = 24
# So that a staged time-out does not take the half minute that a real one may.
READ_TIMEOUT_S = 2.0
# Retries back off up to a few seconds; what has not ended so long after the shop has, will not.
PATIENCE_S = 90.0
PATIENT_TIMEOUTS = 3
WORKERS_START_S = 60.0
_HIGH_THREADS = 8

Watcher = Callable[[Stats, float], None]
"""Told about four times a second: the queue's state, and the requests of the last second."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    settings: Settings
    sandbox: SandboxProcess
    fleet: Fleet
    queue: Queue


def staged(settings: Settings, *, rate: float, home: Path) -> Settings:
    """Return the settings of a demonstration; they lack only the two addresses.

    Rate, account, secret, folder and what keys a product of the invented shop are its own. How long
    to wait for an answer and how many requests are in flight are its own unless they are set.
    """
    own: dict[str, object] = {
        "rate": rate,
        "account": DEFAULT_ACCOUNT,
        "webhook_hash": SecretStr(SECRET),
        "product_key": ("sku",),
        "data_dir": home,
    }
    unless_set = {"read_timeout_s": READ_TIMEOUT_S, "concurrency": CONCURRENCY}
    for name in unless_set.keys() - settings.model_fields_set:
        own[name] = unless_set[name]
    return settings.model_copy(update=own)


def plans(concurrency: int) -> tuple[WorkerPlan, WorkerPlan]:
    """Return the two workers: one is reserved for new sales."""
    return (
        WorkerPlan("high", (Lane.HIGH,), min(_HIGH_THREADS, concurrency)),
        WorkerPlan("low", (Lane.HIGH, Lane.LOW), concurrency),
    )


@contextmanager
def stage(settings: Settings, *, rate: float, faults: float, seed: int) -> Iterator[Stage]:
    """Set the stage in a temporary directory; everything ends with the context."""
    with TemporaryDirectory(prefix="onport-relay-demo-") as directory:
        home = Path(directory)
        settings = staged(settings, rate=rate, home=home)
        share = faults / 3
        answers = SandboxSettings(
            hashes={"default": SECRET},
            rate=rate,
            latency_ms=LATENCY_MS,
            error=share,
            timeout=share,
            reset=share,
            hold_seconds=2 * settings.read_timeout_s,
            seed=seed,
        )
        with (
            EmbeddedBroker(home / "broker", appendfsync=settings.appendfsync) as broker,
            SandboxProcess(answers, receipts=home / "receipts.jsonl") as sandbox,
        ):
            addresses = {"redis_url": broker.url, "base_url": sandbox.url}
            settings = settings.model_copy(update=addresses)
            with Fleet(settings, plans(settings.concurrency), home / "workers.log") as fleet:
                queue = Queue(connect(broker.url))
                await_workers(fleet, queue)
                yield Stage(settings, sandbox, fleet, queue)


def play(set_stage: Stage, shop: Shop, extent: Extent, seed: int, watch: Watcher) -> Report:
    """Run the scenario to its end and return the account.

    Raises:
        RelayError: a worker ended by itself, or the producer was refused.
    """
    clock = SystemClock()
    producer = Producer(set_stage.settings, clock=clock)
    scenario = Scenario(producer, set_stage.queue, shop, extent, clock=clock, seed=seed)
    scenario.start()
    try:
        stats = _until_done(set_stage, scenario, clock, watch)
    finally:
        scenario.stop()
    return account(
        scenario.diary.entries,
        tuple(set_stage.sandbox.receipts()),
        allowed=extent.rate,
        batch_items=set_stage.settings.batch_items,
        folded=scenario.diary.folded,
        dead=stats.dead,
        imbalance=stats.imbalance,
    )


def await_workers(fleet: Fleet, queue: Queue) -> None:
    """Wait until every worker of the fleet looks for work. Raises RelayError if one does not."""
    clock, tick = SystemClock(), threading.Event()
    patient_until = clock.monotonic_s() + WORKERS_START_S
    while len(queue.stats().workers) < len(fleet.pids):
        fleet.check()
        if clock.monotonic_s() > patient_until:
            raise RelayError(f"the workers had not started after {WORKERS_START_S:.0f} s")
        clock.wait(tick, 0.05)


def _until_done(set_stage: Stage, scenario: Scenario, clock: Clock, watch: Watcher) -> Stats:
    ended_at: float | None = None
    patience_s = PATIENCE_S + PATIENT_TIMEOUTS * set_stage.settings.read_timeout_s
    recent: deque[tuple[float, int]] = deque(maxlen=5)
    tick = threading.Event()
    while True:
        set_stage.fleet.check()
        stats, now = set_stage.queue.stats(), clock.monotonic_s()
        recent.append((now, stats.ledger.requests))
        span = now - recent[0][0]
        watch(stats, (recent[-1][1] - recent[0][1]) / span if span else 0.0)
        if scenario.over:
            ended_at = ended_at or now
            if stats.unfinished == 0:
                return stats
            if now - ended_at > patience_s:
                raise RelayError(
                    f"{counted(stats.unfinished, 'job')} had not ended "
                    f"{patience_s:.0f} s after the shop"
                )
        clock.wait(tick, 0.25)
