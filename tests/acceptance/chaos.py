"""A whole relay under a seeded storm of misfortunes, and the account afterwards.

    python -m tests.acceptance.chaos [--minutes M] [--seed S] [--keep DIR]

Exits 1 if anything is lost, stale, unexpected or unbalanced; the seed and the histories that show
it are named then.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.accounting import Verdict, account
from tests.acceptance.flying import Flying
from tests.acceptance.history import read_history
from tests.acceptance.kills import Sampler
from tests.acceptance.nemeses import Nemeses
from tests.acceptance.proxy import Proxy
from tests.acceptance.relay import HASH, Relay, running
from tests.acceptance.staff import Staff

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.names import Lane
from onport_queue.settings import Settings
from onport_sandbox import Receipt, SandboxSettings
from onport_worker.fleet import WorkerPlan, worker_command, worker_environment

LEASE_S = 10.0
_ROOT = Path(__file__).parents[2]
_WORKERS = (
    WorkerPlan("one", (Lane.HIGH, Lane.LOW), 8),
    WorkerPlan("two", (Lane.HIGH, Lane.LOW), 8),
)
_SHOPS = ("a", "b")
_CALLS_PER_S = 15.0
_RATE = 100.0
_SETTLES_WITHIN_S = 180.0
_SHOPS_END_WITHIN_S = 90.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a storm ended.

    Attributes:
        explained: so many items may have arrived twice: they were in flight when something befell,
            or arrived without an answer.
        ended_by_themselves: processes that nobody had told to end, with their statuses.
    """

    seed: int
    befell: Counter[str]
    verdict: Verdict
    dead: int
    unfinished: int
    samples: int
    unbalanced: int
    requests: int
    explained: int
    ended_by_themselves: tuple[str, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """What is off; empty if all is well."""
        found = list(self.verdict.faults)
        if self.dead or self.unfinished:
            found.append(f"dead {self.dead}, unfinished {self.unfinished}")
        if self.unbalanced:
            found.append(f"unbalanced at {self.unbalanced} of {self.samples} samples")
        if self.verdict.duplicates > self.explained:
            found.append(f"{self.verdict.duplicates} duplicates, {self.explained} are explained")
        return (*found, *self.ended_by_themselves)

    def __str__(self) -> str:
        storm = ", ".join(f"{many} x {name}" for name, many in sorted(self.befell.items()))
        told = self.verdict
        return (
            f"seed {self.seed}: {storm}\n"
            f"{told.attempted:,} puts attempted, {told.acknowledged:,} acknowledged "
            f"({told.spooled:,} spooled), "
            f"{told.recovered:,} of the others recovered; {told.arrived:,} items arrived in "
            f"{self.requests:,} requests\n"
            f"lost {len(told.lost)}, stale {len(told.stale)}, unexpected {len(told.unexpected)}, "
            f"dead {self.dead}, unfinished {self.unfinished}, "
            f"duplicates {told.duplicates:,} of {self.explained:,} explained, "
            f"unbalanced at {self.unbalanced} of {self.samples:,} samples"
        )


def storm(home: Path, *, seconds: float, seed: int) -> Outcome:
    """Run it, and account. The histories stay in the folder."""
    answers = SandboxSettings(
        hashes={"default": HASH},
        latency_ms=20,
        jitter_ms=40,
        error=0.02,
        timeout=0.005,
        reset=0.01,
        hold_seconds=5,
        seed=seed,
    )
    settings: dict[str, Any] = {"rate": _RATE, "lease_s": LEASE_S, "read_timeout_s": 3.0}
    with (
        running(home, answers, appendfsync="always", **settings) as relay,
        Proxy(relay.broker_port) as to_workers,
        Proxy(relay.broker_port) as to_shops,
        Sampler(relay.queue) as sampler,
        # A misfortune that befalls a frozen broker must not wait for it, and so make it last.
        connect(relay.settings.redis_url or "", timeout_s=0.25, retries=0) as impatient,
    ):
        with (
            _workers(relay, relay.settings_by(to_workers.port)) as workers,
            _shops(home, relay.settings_by(to_shops.port), seconds, seed) as shops,
        ):
            proxies, chance = (to_workers, to_shops), random.Random(seed)
            flying = Flying(impatient, relay.key("inflight"))
            nemeses = Nemeses(
                relay.redis, flying, relay.sandbox, proxies, workers, shops, LEASE_S, chance
            )
            nemeses.strike_for(seconds)
            shops.await_end(_SHOPS_END_WITHIN_S)
            _settle(relay, workers)
        stats = relay.queue.stats()
        receipts = relay.receipts()
        return Outcome(
            seed=seed,
            befell=nemeses.befell,
            verdict=account(
                [read_history(log) for log in sorted(home.glob("history-*.jsonl"))],
                receipts,
                relay.held(),
            ),
            dead=stats.dead,
            unfinished=stats.unfinished,
            samples=sampler.samples,
            unbalanced=sampler.unbalanced,
            requests=stats.ledger.requests,
            explained=flying.items + _unanswered(receipts),
            ended_by_themselves=tuple(
                f"a {name} ended by itself with {status}"
                for name, staff in (("worker", workers), ("shop", shops))
                for status in staff.ended_by_itself
            ),
        )


@contextmanager
def _workers(relay: Relay, settings: Settings) -> Iterator[Staff]:
    def hire(seat: int, incarnation: int) -> "subprocess.Popen[bytes]":
        del incarnation
        with relay.log.open("ab") as log:
            return subprocess.Popen(
                worker_command(_WORKERS[seat]),
                env=worker_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    with Staff(len(_WORKERS), hire) as staff:
        yield staff


@contextmanager
def _shops(home: Path, settings: Settings, seconds: float, seed: int) -> Iterator[Staff]:
    ends_at = _CLOCK.monotonic_s() + seconds

    def hire(seat: int, incarnation: int) -> "subprocess.Popen[bytes]":
        name = _SHOPS[seat]
        left = max(0.0, ends_at - _CLOCK.monotonic_s())
        command = [sys.executable, "-m", "tests.acceptance.shop", name, str(incarnation)]
        command += [str(home / f"history-{name}-{incarnation}.jsonl")]
        command += ["--seed", str(seed), "--rate", str(_CALLS_PER_S), "--seconds", f"{left:.1f}"]
        with (home / "shops.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=_ROOT,
                env=worker_environment(settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    with Staff(len(_SHOPS), hire) as staff:
        yield staff


def _unanswered(receipts: list[Receipt]) -> int:
    return sum(len(receipt.items) for receipt in receipts if receipt.applied and not receipt.status)


def _settle(relay: Relay, workers: Staff) -> None:
    """Wait until nothing is left, within a bound; what is left then shows in the account."""
    patient_until = _CLOCK.monotonic_s() + _SETTLES_WITHIN_S
    while not relay.is_done() and _CLOCK.monotonic_s() < patient_until:
        workers.replace_ended()  # one that was told to stop may have taken its time
        _CLOCK.wait(threading.Event(), 0.2)


def main() -> int:
    """Run a storm from the command line."""
    parser = argparse.ArgumentParser(
        prog="./relay test --chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--keep", type=Path, help="keep the histories here in any case")
    options = parser.parse_args()
    home = options.keep or Path(tempfile.mkdtemp(prefix="onport-relay-chaos-"))
    home.mkdir(parents=True, exist_ok=True)
    # Told to end, it ends what it has started, as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    print(f"seed {options.seed}, {options.minutes:g} minutes, in {home}", flush=True)
    outcome = storm(home, seconds=options.minutes * 60, seed=options.seed)
    print(outcome)
    if outcome.faults:
        print(f"FAILED: {'; '.join(outcome.faults)}")
        again = f"./relay test --chaos --minutes {options.minutes:g} --seed {options.seed}"
        print(f"Histories: {home}\nAgain: {again}")
        return 1
    print("Nothing is lost.")
    if options.keep is None:
        shutil.rmtree(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
