"""SIGKILLs of a worker under load, at random moments after its first claim."""

import random
import subprocess
import threading
from collections.abc import Hashable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

from redis.exceptions import RedisError
from tests.acceptance.accounting import Verdict, account
from tests.acceptance.goods import Counter, Goods
from tests.acceptance.history import History, Put, Told, read_history
from tests.acceptance.kill_schedule import kill_in_turn, moments
from tests.acceptance.relay import HASH, Relay, running

from onport_producers import Producer
from onport_queue.clock import SystemClock
from onport_queue.names import Lane
from onport_queue.puts import JOBS_PER_PUT
from onport_queue.store import Queue
from onport_sandbox import SandboxSettings
from onport_worker.fleet import Fleet, WorkerPlan

_PLANS = (WorkerPlan("mortal", (Lane.HIGH, Lane.LOW), 16),)
_LATENCY_MS = 10.0
# Above what a worker just started needs, and low enough that no machine runs out of jobs: the kills
# of a schedule leave half of the requests, for a life lasts 135 ms on average.
_RATE = 500.0
# Short, so that what a killed worker held comes back while others are killed.
_LEASE_S = 10.0
_SAMPLES_PER_S = 4.0
_FILL_BOUND_S = 10.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Killed:
    """What became of it; `in_flight` are the items that were on their way at the kills.

    `drained`: whether the last worker was done before its time was up.
    """

    kills: int
    in_flight: int
    dead: int
    drained: bool
    verdict: Verdict
    samples: int
    unbalanced: int
    seconds: float

    @property
    def faults(self) -> tuple[str, ...]:
        """What is off; empty if all is well."""
        found = list(self.verdict.faults)
        if not self.drained:
            found.append(f"held {len(self.verdict.held)} when time was up")
        if self.dead:
            found.append(f"dead {self.dead}")
        if self.unbalanced:
            found.append(f"unbalanced at {self.unbalanced} of {self.samples} samples")
        if self.verdict.duplicates > self.in_flight:
            found.append(f"{self.verdict.duplicates} duplicates, {self.in_flight} were in flight")
        return tuple(found)


class Sampler:
    """Looks at the books four times a second while the context lasts."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="sampler", daemon=True)
        self.samples = 0
        self.unbalanced = 0

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not _CLOCK.wait(self._stop, 1 / _SAMPLES_PER_S):
            try:
                imbalance = self._queue.stats().imbalance
            except RedisError:
                continue  # the broker is away, which is what the test is about
            self.samples += 1
            self.unbalanced += imbalance != 0


class Mortals:
    """The relay's workers, as a kill schedule needs them."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    @contextmanager
    def worker(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run one as `up` does."""
        with Fleet(self._relay.settings, _PLANS, self._relay.log) as fleet:
            yield fleet.processes[0]

    def taken(self) -> int:
        """Return how many requests were claimed, which the claim itself counts."""
        found = self._relay.redis.hget(self._relay.key("ledger"), "requests")
        return int(cast("bytes | None", found) or 0)

    def waiting(self) -> int:
        """Return how many jobs are pending."""
        return self._relay.queue.stats().pending

    def flights(self) -> Set[Hashable]:
        """Return each job in flight, with its lease."""
        flying = self._relay.redis.hgetall(self._relay.key("inflight"))
        return cast("dict[bytes, bytes]", flying).items()


def kill_workers(home: Path, *, jobs: int, kills: int, seed: int) -> Killed:
    """Put jobs of all kinds, kill one worker after the other, let a last one finish, account."""
    began = _CLOCK.monotonic_s()
    slow = SandboxSettings(hashes={"default": HASH}, latency_ms=_LATENCY_MS)
    with running(home, slow, appendfsync="always", rate=_RATE, lease_s=_LEASE_S) as relay:
        # Patient: these are the jobs that the kills are about, not a shop that can't wait.
        patient = Producer(relay.settings, bound_s=_FILL_BOUND_S)
        fill(patient, home / "history.jsonl", jobs, random.Random(seed))
        mortals = Mortals(relay)
        with Sampler(relay.queue) as sampler:
            in_flight = kill_in_turn(mortals, moments(kills, seed), _CLOCK)
            with mortals.worker():
                drained = _drained(relay, _CLOCK.monotonic_s() + 120 + jobs / 200)
        return Killed(
            kills=kills,
            in_flight=in_flight,
            dead=relay.queue.stats().dead,
            drained=drained,
            verdict=account(
                [read_history(home / "history.jsonl")], relay.sandbox.receipts(), relay.held()
            ),
            samples=sampler.samples,
            unbalanced=sampler.unbalanced,
            seconds=_CLOCK.monotonic_s() - began,
        )


def _drained(relay: Relay, patient_until: float) -> bool:
    while not relay.is_done():
        if _CLOCK.monotonic_s() > patient_until:
            return False
        _CLOCK.wait(threading.Event(), 0.1)
    return True


def fill(producer: Producer, log: Path, jobs: int, chance: random.Random) -> None:
    """Put a fifth sales and four fifths batches of all kinds, each key once or twice."""
    goods = Goods("k", jobs, chance)
    sales, rest = jobs // 5, jobs - jobs // 5
    with History(log) as history:
        counter = Counter(producer, history)
        for number in range(sales):
            _acknowledged(counter, [goods.sale(number)])
        for batch in _batches(goods, rest):
            _acknowledged(counter, batch)


def _batches(goods: Goods, jobs: int) -> Iterator[list[Put]]:
    third = jobs // 3
    yield from _in_calls(goods.product(number) for number in range(jobs - 2 * third))
    yield from _in_calls(goods.wish(number, "A") for number in range(third))
    # Half of them change their mind about a variant that may have been acknowledged already.
    yield from _in_calls(goods.wish(number + third // 2, "D") for number in range(third))


def _in_calls(puts: Iterator[Put]) -> Iterator[list[Put]]:
    while batch := list(islice(puts, JOBS_PER_PUT)):
        yield batch


def _acknowledged(counter: Counter, puts: list[Put]) -> None:
    told = counter.put(puts)
    assert told is Told.ACKNOWLEDGED
