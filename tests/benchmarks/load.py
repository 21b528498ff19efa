"""A relay under load, for the benchmarks: sales that never run out, and when they arrived."""

import json
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.jobs import Job
from onport_queue.names import DEFAULT_CHANNEL, Kind, Lane
from onport_queue.puts import JOBS_PER_PUT, PutBatch
from onport_queue.settings import load_settings
from onport_queue.store import Queue
from onport_sandbox import Receipt, SandboxProcess, SandboxSettings
from onport_worker.demo.stage import await_workers
from onport_worker.embedded import EmbeddedBroker
from onport_worker.embedded.conf import AppendFsync
from onport_worker.fleet import Fleet, WorkerPlan

SECRET = "bench"
_CLOCK = SystemClock()
_CHECK_S = 0.5


class Backlog:
    """Sales that are pending on the high lane, one request each; as a context, topped up."""

    def __init__(self, queue: Queue, pending: int) -> None:
        self._queue = queue
        self._pending = pending
        self._put = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._until_stopped, name="backlog", daemon=True)

    def __enter__(self) -> "Backlog":
        """Top it up from now on."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def fill(self) -> None:
        """Put as many sales as are missing."""
        for _ in range(self._queue.stats().pending, self._pending, JOBS_PER_PUT):
            numbers = range(self._put, self._put + JOBS_PER_PUT)
            jobs = [Job(f"load-{number}", _sale(f"load-{number}")) for number in numbers]
            put_id = secrets.token_bytes(12)
            self._queue.put(PutBatch(put_id, Kind.SALE, DEFAULT_CHANNEL, Lane.HIGH, jobs))
            self._put += JOBS_PER_PUT

    def _until_stopped(self) -> None:
        while not _CLOCK.wait(self._stop, _CHECK_S):
            self.fill()


def _sale(key: str) -> bytes:
    return json.dumps({"externalId": key, "note": "x" * 300, "lineItems": []}).encode()


@dataclass(frozen=True, slots=True)
class Period:
    """From one moment to another, in Unix time: what receipts and the broker tell, too."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.began

    def __contains__(self, moment: float) -> bool:
        return self.began <= moment < self.ended


@dataclass(frozen=True, slots=True)
class Relay:
    """What runs, each in processes of its own."""

    broker_url: str
    sandbox: SandboxProcess
    fleet: Fleet
    backlog: Backlog

    def run_for(self, seconds: float) -> Period:
        """Let it run, and return when that was. Raises WorkerEndedError if a worker ends."""
        never = threading.Event()
        began, ends_at = _unix_time(), _CLOCK.monotonic_s() + seconds
        while (left := ends_at - _CLOCK.monotonic_s()) > 0:
            self.fleet.check()
            _CLOCK.wait(never, min(left, _CHECK_S))
        return Period(began, _unix_time())

    def receipts(self) -> list[Receipt]:
        """Return what has arrived, oldest first; reading it takes a while, so measure before."""
        return sorted(self.sandbox.receipts(), key=lambda receipt: receipt.started)


@contextmanager
def under_load(
    answers: SandboxSettings,
    *,
    rate: float,
    workers: int,
    threads: int,
    pending: int,
    appendfsync: AppendFsync,
) -> Iterator[Relay]:
    """Start a broker, a sandbox and workers; the backlog is filled before these begin."""
    plans = [WorkerPlan(f"w{n}", (Lane.HIGH, Lane.LOW), threads) for n in range(workers)]
    with TemporaryDirectory() as directory:
        home = Path(directory)
        with (
            EmbeddedBroker(home / "broker", appendfsync=appendfsync) as broker,
            SandboxProcess(answers, receipts=home / "receipts.jsonl") as sandbox,
        ):
            settings = load_settings(
                redis_url=broker.url,
                base_url=sandbox.url,
                webhook_hash=SECRET,
                rate=rate,
                concurrency=threads,
            )
            queue = Queue(connect(broker.url), settings.account)
            backlog = Backlog(queue, pending)
            backlog.fill()
            with Fleet(settings, plans, home / "workers.log") as fleet:
                await_workers(fleet, queue)
                yield Relay(broker.url, sandbox, fleet, backlog)


def most_in_a_second(moments: Sequence[float]) -> int:
    """Return the most of these moments, oldest first, that lie within any one second."""
    most = first = 0
    for index, moment in enumerate(moments):
        while moment - moments[first] >= 1:
            first += 1
        most = max(most, index + 1 - first)
    return most


def _unix_time() -> float:
    return _CLOCK.wall().timestamp()
