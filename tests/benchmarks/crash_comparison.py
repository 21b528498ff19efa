"""The same kills for plain Celery and for the relay: what is lost, what comes twice.

    python -m tests.benchmarks.crash_comparison [--jobs 40000] [--kills 60] [--seed 1]

Each worker is started, takes its first job, and is killed with SIGKILL (its whole process group) a
random 20-250 ms later; then the next one; a last one finishes. Plain Celery: a message for each
job, acks_late, reject_on_worker_lost, prefetch 1, redelivery after 10 s. Both have a broker with
appendfsync always and an endpoint that answers after 10 ms. Its first job is seen at the endpoint,
ours by the queue's counter. Exits 1 if ours loses anything.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import redis
from rich.console import Console
from rich.table import Table
from tests.acceptance.kills import kill_workers, moments
from tests.benchmarks import plain_celery

from onport_queue.clock import SystemClock
from onport_sandbox import SandboxProcess, SandboxSettings
from onport_worker.embedded import EmbeddedBroker

_ROOT = Path(__file__).parents[2]
_LATENCY_MS = 10.0
_CONCURRENCY = {"threads": 16, "prefork": 4}
_AT_A_TIME = 500
_POLL_S = 0.002
_QUIET_S = plain_celery.VISIBILITY_S + 5.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one contender's jobs. `held`: neither arrived nor gone when time was up."""

    contender: str
    jobs: int
    kills: int
    lost: int
    duplicated: int
    held: int
    seconds: float


def relay(jobs: int, kills: int, seed: int) -> tuple[Row, tuple[str, ...]]:
    """Run ours: jobs of all kinds; return its row and what is off."""
    with TemporaryDirectory() as directory:
        killed = kill_workers(Path(directory), jobs=jobs, kills=kills, seed=seed)
    told = killed.verdict
    row = Row(
        "Onport Relay",
        told.acknowledged,
        kills,
        len(told.lost),
        told.duplicates,
        len(told.held),
        round(killed.seconds, 1),
    )
    return row, killed.faults


class PlainCelery:
    """One run of plain Celery."""

    def __init__(self, home: Path, broker: EmbeddedBroker, sandbox: SandboxProcess, pool: str):
        self._home = home
        self._receipts = home / "receipts.jsonl"
        self._sandbox = sandbox
        self._pool = pool
        self._url = broker.url
        self._redis = redis.Redis.from_url(broker.url)

    def publish(self, jobs: int) -> None:
        """Publish a message for each job; when this returns, the broker has them all."""
        app = plain_celery.contender(self._url)
        with app.amqp.producer_pool.acquire(block=True) as producer:
            for first in range(0, jobs, _AT_A_TIME):
                numbers = range(first, min(jobs, first + _AT_A_TIME))
                with producer.batch(max_size=_AT_A_TIME):  # type: ignore[attr-defined]  # new
                    for number in numbers:
                        app.send_task(plain_celery.TASK, (f"job-{number}",), producer=producer)
        assert self._redis.llen(plain_celery.QUEUE) == jobs

    def kill_one(self, moment_s: float) -> None:
        """Start a worker and kill it a moment after its first job has arrived."""
        before = self._receipts.stat().st_size
        with self._worker() as worker:
            _until(lambda: self._receipts.stat().st_size > before, 30.0)
            _CLOCK.wait(threading.Event(), moment_s)
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()

    def finish(self, jobs: int) -> None:
        """Let a last worker work until all has arrived, or nothing has for long."""
        with self._worker():
            last, since = 0, _CLOCK.monotonic_s()
            while last < jobs and _CLOCK.monotonic_s() - since < _QUIET_S:
                _CLOCK.wait(threading.Event(), 0.5)
                arrived = len(self.arrivals())
                if arrived > last:
                    last, since = arrived, _CLOCK.monotonic_s()
                if self.held():
                    since = max(since, _CLOCK.monotonic_s() - _QUIET_S / 2)

    def arrivals(self) -> Counter[str]:
        """Return how often each job has arrived."""
        return Counter(
            item.key or "?" for receipt in self._sandbox.receipts() for item in receipt.items
        )

    def held(self) -> int:
        """Return how many messages the broker still holds, waiting or unacknowledged."""
        return self._redis.llen(plain_celery.QUEUE) + self._redis.hlen("unacked")

    @contextmanager
    def _worker(self) -> Iterator["subprocess.Popen[bytes]"]:
        concurrency = str(_CONCURRENCY[self._pool])
        command = [sys.executable, "-m", "celery", "-A", "tests.benchmarks.plain_celery", "worker"]
        command += ["-P", self._pool, "-c", concurrency, "-l", "ERROR"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        where = {"PLAIN_BROKER": self._url, "PLAIN_ENDPOINT": self._sandbox.url}
        with (self._home / "celery.log").open("ab") as log:
            worker = subprocess.Popen(
                command,
                cwd=_ROOT,
                env=os.environ | where,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield worker
        finally:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()


def plain(pool: str, jobs: int, kills: int, seed: int) -> Row:
    """Run plain Celery with a pool."""
    began = _CLOCK.monotonic_s()
    answers = SandboxSettings(hashes={"default": plain_celery.HASH}, latency_ms=_LATENCY_MS)
    with TemporaryDirectory() as directory:
        home = Path(directory)
        with (
            EmbeddedBroker(home / "broker", appendfsync="always") as broker,
            SandboxProcess(answers, receipts=home / "receipts.jsonl") as sandbox,
        ):
            run = PlainCelery(home, broker, sandbox, pool)
            run.publish(jobs)
            for moment_s in moments(kills, seed):
                run.kill_one(moment_s)
            run.finish(jobs)
            arrivals, held = run.arrivals(), run.held()
    return Row(
        contender=f"Celery, {pool}",
        jobs=jobs,
        kills=kills,
        lost=max(0, jobs - len(arrivals) - held),
        duplicated=sum(arrivals.values()) - len(arrivals),
        held=held,
        seconds=round(_CLOCK.monotonic_s() - began, 1),
    )


def _until(condition: Callable[[], bool], seconds: float) -> None:
    patient_until = _CLOCK.monotonic_s() + seconds
    while not condition():
        assert _CLOCK.monotonic_s() < patient_until, f"no job was taken within {seconds:g} s"
        _CLOCK.wait(threading.Event(), _POLL_S)


def _table(rows: list[Row]) -> Table:
    table = Table("contender", "jobs", "kills", "lost", "twice", "held", "seconds", box=None)
    for row in rows:
        counts = (row.jobs, row.kills, row.lost, row.duplicated, row.held)
        table.add_row(row.contender, *(f"{count:,}" for count in counts), f"{row.seconds:g}")
    return table


def main() -> int:
    """Run all contenders."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=40_000)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    asked = options.jobs, options.kills, options.seed
    rows = [plain(pool, *asked) for pool in _CONCURRENCY]
    ours, faults = relay(*asked)
    rows.append(ours)
    if options.json:
        print(json.dumps({"seed": options.seed, "rows": [asdict(row) for row in rows]}))
    else:
        print(f"seed {options.seed}")
        Console(width=100, highlight=False).print(_table(rows))
    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
