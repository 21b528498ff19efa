"""A whole relay in processes of its own: broker, sandbox, workers; and what a test does to it."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast

from redis import Redis

from onport_producers import Producer
from onport_producers.spool import Spool
from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.names import Lane
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue
from onport_sandbox import Receipt, SandboxProcess, SandboxSettings
from onport_worker.demo.stage import await_workers
from onport_worker.embedded import EmbeddedBroker
from onport_worker.embedded.conf import AppendFsync
from onport_worker.embedded.restarts import RestartPolicy
from onport_worker.fleet import Fleet, WorkerPlan

HASH = "the-right-hash"
PLANS = (WorkerPlan("high", (Lane.HIGH,), 4), WorkerPlan("low", (Lane.HIGH, Lane.LOW), 16))
CONCURRENCY = sum(plan.concurrency for plan in PLANS)

UNTIRING = RestartPolicy(budget=1_000, longest_pause=timedelta(milliseconds=200))
"""Of a broker that a test kills as often as it likes."""

_CLOCK = SystemClock()


class Broker(Protocol):
    """Whatever serves Redis's protocol somewhere."""

    @property
    def url(self) -> str:
        """Where."""


@dataclass
class Relay:
    """What runs."""

    settings: Settings
    sandbox: SandboxProcess
    redis: Redis
    queue: Queue
    producer: Producer
    home: Path
    fleet: Fleet | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def start_workers(self, plans: Sequence[WorkerPlan] = PLANS, **settings: Any) -> Fleet:
        """Start workers, with settings of their own if some are given; return when they work."""
        changed = load_settings(**{**self.settings.model_dump(exclude_none=True), **settings})
        self.fleet = self._stack.enter_context(Fleet(changed, plans, self.log))
        await_workers(self.fleet, self.queue)
        return self.fleet

    def stop_workers(self) -> None:
        """Stop them as an operator does."""
        self._stack.close()
        self.fleet = None

    def kill_a_worker(self, which: int) -> None:
        """End a worker as the kernel does when memory is short."""
        assert self.fleet is not None
        os.kill(self.fleet.pids[which], signal.SIGKILL)

    def signal_workers(self, number: signal.Signals) -> None:
        """Send all workers a signal."""
        assert self.fleet is not None
        for process in self.fleet.processes:
            process.send_signal(number)

    @property
    def broker_port(self) -> int:
        """Where the broker listens."""
        return int(self.redis.connection_pool.connection_kwargs["port"])

    def settings_by(self, port: int) -> Settings:
        """Return the settings of somebody who reaches the broker at another port."""
        direct = self.settings.redis_url or ""
        url = direct.replace(f":{self.broker_port}/", f":{port}/")
        return self.settings.model_copy(update={"redis_url": url})

    @contextmanager
    def broker_frozen(self) -> Iterator[None]:
        """Let the broker answer nobody while the context lasts."""
        pid = int(self.redis.info("server")["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @property
    def log(self) -> Path:
        """Where the workers log."""
        return self.home / "workers.log"

    def receipts(self) -> list[Receipt]:
        """What has arrived, in order of arrival."""
        return list(self.sandbox.receipts())

    def applied(self) -> Counter[str]:
        """How often each key was accepted."""
        return Counter(
            item.key or "?"
            for receipt in self.sandbox.receipts()
            if receipt.applied
            for item in receipt.items
        )

    def wait_until(
        self, condition: Callable[[], bool], *, within_s: float, poll_s: float = 0.05
    ) -> float:
        """Return after how many seconds the condition came true; fail if it does not in time."""
        began, never = _CLOCK.monotonic_s(), threading.Event()
        while not condition():
            passed = _CLOCK.monotonic_s() - began
            assert passed < within_s, f"not within {within_s} s: {self.queue.stats()}"
            _CLOCK.wait(never, poll_s)
        return _CLOCK.monotonic_s() - began

    def run_for(self, seconds: float) -> None:
        """Let it run."""
        _CLOCK.wait(threading.Event(), seconds)

    def key(self, suffix: str) -> str:
        """Return the name of one of the queue's structures."""
        return f"onport-relay:{{{self.settings.account}}}:{suffix}"

    def held(self) -> set[tuple[str, str]]:
        """Keys that the queue has not done with, or has given up, as the account names them."""
        jobs = cast("list[bytes]", self.redis.hkeys(self.key("jobs")))
        parts = (job.decode().split(":", 2) for job in jobs)
        return {(family, key.removeprefix("sku=")) for family, _, key in parts}

    def is_spooling(self) -> bool:
        """Whether the shop's host has puts that the broker has not got yet."""
        spool = Spool.of(self.settings, _CLOCK)
        try:
            return spool.is_holding()
        finally:
            spool.close()

    def is_done(self) -> bool:
        """Whether nothing is left to be delivered."""
        return self.queue.stats().unfinished == 0


@contextmanager
def running(
    home: Path,
    answers: SandboxSettings | None = None,
    *,
    binary: Path | None = None,
    appendfsync: AppendFsync = "no",
    broker: Broker | None = None,
    **settings: Any,
) -> Iterator[Relay]:
    """Run a broker and a sandbox while the context lasts; the test starts the workers."""
    answers = answers or SandboxSettings(hashes={"default": HASH}, latency_ms=10)
    own = EmbeddedBroker(home / "broker", appendfsync=appendfsync, binary=binary, restarts=UNTIRING)
    with (
        nullcontext(broker) if broker else own as broker,
        SandboxProcess(answers, receipts=home / "receipts.jsonl") as sandbox,
    ):
        defaults = {
            "redis_url": broker.url,
            "base_url": sandbox.url,
            "webhook_hash": HASH,
            "data_dir": home,
        }
        loaded = load_settings(**{**defaults, **settings})
        with connect(broker.url) as client:
            queue = Queue(client, loaded.account)
            relay = Relay(loaded, sandbox, client, queue, Producer(loaded), home)
            try:
                yield relay
            finally:
                relay.stop_workers()


def products(many: int, prefix: str = "P") -> list[dict[str, object]]:
    """Return products that differ by their keys only."""
    return [{"sku": f"{prefix}{number:05d}", "inventoryQuantity": 1} for number in range(many)]


def sale(key: str) -> dict[str, object]:
    """Return a sale that is as plain as can be."""
    return {"externalId": key, "saleDefaults": {"reference": key}, "lineItems": []}
