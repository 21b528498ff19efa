"""SIGKILLs of a worker under load, at random moments after its first claim."""

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

from redis.exceptions import RedisError
from tests.acceptance.accounting import Verdict, account
from tests.acceptance.flying import Flying
from tests.acceptance.goods import Counter, Goods
from tests.acceptance.history import History, Put, Told, read_history
from tests.acceptance.relay import HASH, Relay, running

from onport_producers import Producer
from onport_queue.clock import SystemClock
from onport_queue.names import Lane
from onport_queue.settings import Settings
from onport_queue.store import JOBS_PER_PUT, Queue
from onport_sandbox import SandboxSettings
from onport_worker.fleet import Fleet, WorkerPlan

EARLIEST_S, LATEST_S = 0.02, 0.25
_PLANS = (WorkerPlan("mortal", (Lane.HIGH, Lane.LOW), 16),)
_LATENCY_MS = 10.0
_RATE, _LAST_RATE = 100.0, 1_000.0
_POLL_S = 0.002
# Short, so that what a killed worker held comes back while others are killed.
_LEASE_S = 10.0
_SAMPLES_PER_S = 4.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Killed:
    """What became of it; `in_flight` are the items that were on their way at the kills."""

    kills: int
    in_flight: int
    dead: int
    verdict: Verdict
    samples: int
    unbalanced: int
    seconds: float

    @property
    def faults(self) -> tuple[str, ...]:
        """What is off; empty if all is well."""
        found = list(self.verdict.faults)
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


def moments(kills: int, seed: int) -> list[float]:
    """Return how many seconds after its first claim each worker is killed."""
    chance = random.Random(seed)
    return [chance.uniform(EARLIEST_S, LATEST_S) for _ in range(kills)]


def kill_workers(home: Path, *, jobs: int, kills: int, seed: int) -> Killed:
    """Put jobs of all kinds, kill one worker after the other, let a last one finish, account."""
    began = _CLOCK.monotonic_s()
    slow = SandboxSettings(hashes={"default": HASH}, latency_ms=_LATENCY_MS)
    with running(home, slow, appendfsync="always", rate=_RATE, lease_s=_LEASE_S) as relay:
        fill(relay.producer, home / "history.jsonl", jobs, random.Random(seed))
        with Sampler(relay.queue) as sampler:
            flying = Flying(relay)
            for moment_s in moments(kills, seed):
                _killed_at_work(relay, moment_s)
                flying.note()
            assert relay.queue.stats().pending > 0, "the kills outlasted the jobs"
            with Fleet(_settings(relay, _LAST_RATE), _PLANS, relay.log):
                relay.wait_until(relay.is_done, within_s=120 + jobs / 200)
        return Killed(
            kills=kills,
            in_flight=flying.items,
            dead=relay.queue.stats().dead,
            verdict=account(
                [read_history(home / "history.jsonl")], relay.sandbox.receipts(), relay.held()
            ),
            samples=sampler.samples,
            unbalanced=sampler.unbalanced,
            seconds=_CLOCK.monotonic_s() - began,
        )


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


def _killed_at_work(relay: Relay, moment_s: float) -> None:
    """Start a worker, and kill it a moment after its first claim."""
    claimed = _requests(relay)
    with _one_worker(relay) as pid:
        relay.wait_until(lambda: _requests(relay) > claimed, within_s=30, poll_s=_POLL_S)
        _CLOCK.wait(threading.Event(), moment_s)
        os.kill(pid, signal.SIGKILL)


@contextmanager
def _one_worker(relay: Relay) -> Iterator[int]:
    with Fleet(_settings(relay, _RATE), _PLANS, relay.log) as fleet:
        yield fleet.pids[0]


def _requests(relay: Relay) -> int:
    found = relay.redis.hget(relay.key("ledger"), "requests")
    return int(cast("bytes | None", found) or 0)


def _settings(relay: Relay, rate: float) -> Settings:
    return relay.settings.model_copy(update={"rate": rate})
