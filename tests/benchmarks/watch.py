"""Watching a contender deliver: when, how much, and at what cost."""

import threading
from collections.abc import Collection
from dataclasses import dataclass

from tests.benchmarks.contender import Arena, Contender, TrialError
from tests.benchmarks.load import Period, most_in_a_second
from tests.benchmarks.payloads import Load
from tests.benchmarks.peers.setup import Setup
from tests.benchmarks.processor import cpu_s, session_cpu_s

from onport_queue.clock import SystemClock
from onport_sandbox import Receipt

STARTS_WITHIN_S = 60.0
_LOOK_S = 0.1
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Watched:
    """What arrived in a period, oldest first, and what it cost there."""

    period: Period
    receipts: tuple[Receipt, ...]
    worker_cpu_s: float
    broker_cpu_s: float

    @property
    def accepted(self) -> int:
        """Requests answered 200."""
        return sum(receipt.applied for receipt in self.receipts)

    @property
    def items(self) -> int:
        """What those carried."""
        return sum(len(receipt.items) for receipt in self.receipts if receipt.applied)

    @property
    def worst_second(self) -> int:
        """The most requests that began within any one second."""
        return most_in_a_second([receipt.started for receipt in self.receipts])


def watch(
    arena: Arena,
    workers: Collection[int],
    *,
    jobs: int,
    warm_up_s: float,
    seconds: float,
    may_pause: bool = False,
) -> Watched:
    """Watch for so many seconds, from a while after the first arrival; less if all has arrived.

    Args:
        arena: where.
        workers: the leaders of their sessions.
        jobs: how many requests there are to arrive at most.
        warm_up_s: how long after the first arrival it begins.
        seconds: how long it lasts.
        may_pause: nothing may arrive in all that time.

    Raises:
        TrialError: nothing arrives, or everything has before it begins.
    """
    await_first(arena)
    _sleep(warm_up_s)
    before = arena.sandbox.stats().applied_requests
    if before >= jobs:
        raise TrialError(f"all {jobs} requests had arrived within {warm_up_s:g} s of the first")
    began, ends_at = _CLOCK.wall().timestamp(), _CLOCK.monotonic_s() + seconds
    cost = session_cpu_s(workers), cpu_s(arena.broker_pid)
    while (now_s := _CLOCK.monotonic_s()) < ends_at:
        _sleep(min(_LOOK_S, ends_at - now_s))
        if arena.sandbox.stats().applied_requests >= jobs:
            break
    ended = _CLOCK.wall().timestamp()
    after = session_cpu_s(workers), cpu_s(arena.broker_pid)
    found = [one for one in arena.sandbox.receipts() if began <= one.started < ended]
    found.sort(key=lambda receipt: receipt.started)
    if not found and not may_pause:
        raise TrialError(f"nothing arrived in {seconds:g} s", arena.log_tail())
    if found and arena.sandbox.stats().applied_requests >= jobs:
        # What came last is the end, not when that was noticed.
        ended = max(receipt.at for receipt in found)
    return Watched(Period(began, ended), tuple(found), after[0] - cost[0], after[1] - cost[1])


def delivered(
    contender: Contender,
    arena: Arena,
    setup: Setup,
    load: Load,
    *,
    requests: int,
    warm_up_s: float,
    seconds: float,
) -> Watched:
    """Publish a load, then start the workers, and watch them deliver it in so many requests."""
    with contender.publishing(arena, setup) as shop:
        shop.many(load)
    with contender.working(arena, setup) as workers:
        return watch(arena, workers, jobs=requests, warm_up_s=warm_up_s, seconds=seconds)


def await_first(arena: Arena) -> None:
    """Return when something has arrived, here and at all others that run at the same time.

    Raises:
        TrialError: nothing arrives.
    """
    patient_until = _CLOCK.monotonic_s() + STARTS_WITHIN_S
    while not arena.sandbox.stats().applied_requests:
        if _CLOCK.monotonic_s() > patient_until:
            raise TrialError(f"nothing arrived within {STARTS_WITHIN_S:g} s", arena.log_tail())
        _sleep(0.02)
    arena.start.await_others()


def _sleep(seconds: float) -> None:
    _CLOCK.wait(threading.Event(), seconds)
