"""The same kills for plain Celery and for the relay: what is lost, what comes twice.

    python -m tests.benchmarks.crash_comparison [--jobs 40000] [--kills 60] [--seed 1]
        [--contender NAME]... [--json]

Each worker is started, takes its first job, and is killed with SIGKILL (its whole process group) a
random 20-250 ms later; then the next one; a last one finishes. That it has taken a job is told by a
counter in Redis that moves before the job is sent: ours in the claim, Celery's by the task itself.

Plain Celery: a message for each job, acks_late, reject_on_worker_lost, prefetch 1, redelivery after
10 s. Ours: sales one by one, the rest in batches, leases of 10 s. Both have a broker with
appendfsync always and an endpoint that answers after 10 ms.

Exits 1 if ours loses anything, or its account is otherwise not in order; what becomes of the others
is only told.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.acceptance.kill_schedule import kill_in_turn, moments
from tests.acceptance.kills import Killed, kill_workers
from tests.benchmarks import plain_celery
from tests.benchmarks.celery_run import POOLS, CeleryRun

from onport_queue.clock import SystemClock
from onport_sandbox import SandboxProcess, SandboxSettings
from onport_worker.embedded import EmbeddedBroker

_LATENCY_MS = 10.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one contender's jobs.

    Attributes:
        lost: taken by the queue, never arrived, and not in the queue any more.
        twice: arrivals beyond the first of each job.
        in_flight: jobs that were taken and not done with when a worker was killed.
        held: jobs that the queue still held when time was up; none if it had been drained.
        account: what else was looked at, and what is off; ours only.
    """

    contender: str
    jobs: int
    kills: int
    lost: int
    twice: int
    in_flight: int
    held: int
    seconds: float
    account: dict[str, int] | None = None
    faults: tuple[str, ...] = ()


def relay(jobs: int, kills: int, seed: int) -> Row:
    """Run ours: jobs of all kinds."""
    with TemporaryDirectory() as directory:
        killed = kill_workers(Path(directory), jobs=jobs, kills=kills, seed=seed)
    told = killed.verdict
    return Row(
        contender="Onport Relay",
        jobs=told.acknowledged,
        kills=kills,
        lost=len(told.lost),
        twice=told.duplicates,
        in_flight=killed.in_flight,
        held=len(told.held),
        seconds=round(killed.seconds, 1),
        account=_account(killed),
        faults=killed.faults,
    )


def _account(killed: Killed) -> dict[str, int]:
    return {
        "dead": killed.dead,
        "stale": len(killed.verdict.stale),
        "unexpected": len(killed.verdict.unexpected),
        "unbalanced": killed.unbalanced,
        "samples": killed.samples,
    }


def plain(jobs: int, kills: int, seed: int, *, pool: str) -> Row:
    """Run plain Celery with a pool."""
    began = _CLOCK.monotonic_s()
    answers = SandboxSettings(hashes={"default": plain_celery.HASH}, latency_ms=_LATENCY_MS)
    with TemporaryDirectory() as directory:
        home = Path(directory)
        with (
            EmbeddedBroker(home / "broker", appendfsync="always") as broker,
            SandboxProcess(answers, receipts=home / "receipts.jsonl") as sandbox,
        ):
            run = CeleryRun(pool, broker.url, sandbox, home / "celery.log", _CLOCK)
            run.publish(jobs)
            in_flight = kill_in_turn(run, moments(kills, seed), _CLOCK)
            drained = run.drain(within_s=120 + jobs / 100)
            arrivals, held = run.arrivals(), 0 if drained else run.held()
    return Row(
        contender=f"Celery, {pool}",
        jobs=jobs,
        kills=kills,
        lost=max(0, jobs - len(arrivals) - held),
        twice=arrivals.total() - len(arrivals),
        in_flight=in_flight,
        held=held,
        seconds=round(_CLOCK.monotonic_s() - began, 1),
    )


_CONTENDERS: dict[str, Callable[[int, int, int], Row]] = {
    **{pool: partial(plain, pool=pool) for pool in POOLS},
    "relay": relay,
}


def _show(rows: Sequence[Row], seed: int) -> None:
    columns = ("jobs", "kills", "lost", "twice", "in flight at kills", "held", "seconds")
    table = Table("contender", *columns, box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        counts = (row.jobs, row.kills, row.lost, row.twice, row.in_flight, row.held)
        table.add_row(row.contender, *(f"{count:,}" for count in counts), f"{row.seconds:g}")
    print(f"seed {seed}")
    Console(width=100, highlight=False).print(table)
    for row in rows:
        if row.account is not None:
            told = ", ".join(f"{name} {count:,}" for name, count in row.account.items())
            print(f"{row.contender}: {told}")


def _as_json(rows: Sequence[Row], seed: int) -> str:
    document: dict[str, Any] = {"seed": seed, "rows": [asdict(row) for row in rows]}
    return json.dumps(document)


def main() -> int:
    """Run the contenders, one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=40_000)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--contender",
        action="append",
        choices=_CONTENDERS,
        help="only this one, and may be given more than once",
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for name in options.contender or _CONTENDERS:
        print(f"{name} ...", file=sys.stderr)
        rows.append(_CONTENDERS[name](options.jobs, options.kills, options.seed))
    if options.json:
        print(_as_json(rows, options.seed))
    else:
        _show(rows, options.seed)
    faults = [fault for row in rows for fault in row.faults]
    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
