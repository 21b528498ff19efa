"""A kill schedule: one worker after the other, each killed a moment after its first job.

Seeded and the same for whoever works, so that two contenders meet the same kills.
"""

import os
import random
import signal
import subprocess
import threading
from collections.abc import Hashable, Iterable, Set
from contextlib import AbstractContextManager
from typing import Protocol

from onport_queue.clock import Clock

EARLIEST_S, LATEST_S = 0.02, 0.25
_POLL_S = 0.002
_TAKES_WITHIN_S = 30.0


class Contender(Protocol):
    """Whatever has workers that take jobs."""

    def worker(self) -> AbstractContextManager["subprocess.Popen[bytes]"]:
        """Run a worker, the leader of a process group of its own, while the context lasts."""

    def taken(self) -> int:
        """Return a count that grows when a worker takes the first job of its life."""

    def waiting(self) -> int:
        """Return how many jobs nobody has taken."""

    def flights(self) -> Set[Hashable]:
        """Return what is taken and not done with; a job taken again is another flight."""


def moments(kills: int, seed: int) -> list[float]:
    """Return how many seconds after its first job each worker is killed."""
    chance = random.Random(seed)
    return [chance.uniform(EARLIEST_S, LATEST_S) for _ in range(kills)]


def kill_in_turn(contender: Contender, moments_s: Iterable[float], clock: Clock) -> int:
    """Start and kill one worker for each moment; return how many flights the kills ended."""
    ended: set[Hashable] = set()
    for moment_s in moments_s:
        before = contender.taken()
        with contender.worker() as worker:
            _await_first_job(contender, worker, before, clock)
            clock.wait(threading.Event(), moment_s)
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        assert contender.waiting() > 0, "the kills outlasted the jobs"
        ended |= contender.flights()
    return len(ended)


def _await_first_job(
    contender: Contender, worker: "subprocess.Popen[bytes]", before: int, clock: Clock
) -> None:
    patient_until = clock.monotonic_s() + _TAKES_WITHIN_S
    while contender.taken() <= before:
        assert worker.poll() is None, f"a worker ended by itself ({worker.returncode})"
        assert clock.monotonic_s() < patient_until, f"no job taken within {_TAKES_WITHIN_S:g} s"
        clock.wait(threading.Event(), _POLL_S)
