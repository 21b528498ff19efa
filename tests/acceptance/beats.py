"""Beats and a worker of schedules, in processes of their own, and what became of each tick."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.acceptance.relay import Relay, running

from onport_queue.names import SCHEDULES_QUEUE
from onport_queue.runs import Outcome, Run, Runs
from onport_worker.fleet import BeatPlan, Fleet, WorkerPlan

ROOT = Path(__file__).parents[2]


@dataclass
class Scheduled:
    """A relay whose schedules run."""

    relay: Relay
    runs: Runs
    fleet: Fleet

    def outcomes(self, schedule: str = "links") -> list[Outcome]:
        """What became of its ticks, the oldest first."""
        return [run.outcome for run in reversed(self.runs.history(schedule))]

    def signal_worker(self, number: signal.Signals) -> None:
        """Send the worker of schedules a signal; it is the first of the fleet."""
        self.fleet.processes[0].send_signal(number)
        self.fleet.processes[0].wait(20)


@contextmanager
def scheduled(
    home: Path, *schedules: Mapping[str, object], beats: int = 1, **settings: Any
) -> Iterator[Scheduled]:
    """Run a relay, a worker of schedules and some beats while the context lasts."""
    boring: dict[str, object] = {"name": "links", "kind": "acknowledge", "every": "1s"}
    entries = [boring | dict(entry) for entry in schedules]
    with running(home, schedules=entries, **settings) as relay:
        runs = Runs(relay.redis, relay.settings.account)
        plans = [BeatPlan(f"beat-{number}") for number in range(beats)]
        with Fleet(relay.settings, [worker(1), *plans], relay.log) as fleet:
            yield Scheduled(relay, runs, fleet)


def worker(number: int) -> WorkerPlan:
    """Return a worker of schedules."""
    return WorkerPlan(f"schedules-{number}", (SCHEDULES_QUEUE,), 4)


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the ticks of a time."""

    ticks: int
    ran_once: int
    other: Sequence[str]
    calls: int
    latest_ms: float


def account(history: Sequence[Run], interval: timedelta, calls: int) -> Account:
    """Account for every tick from the first to the last that was recorded."""
    by_tick: dict[datetime, list[Run]] = {}
    for run in history:
        by_tick.setdefault(run.tick, []).append(run)
    first, last = min(by_tick), max(by_tick)
    ticks = [first + number * interval for number in range((last - first) // interval + 1)]
    other = []
    for tick in ticks:
        outcomes = [run.outcome.value for run in by_tick.pop(tick, [])]
        if outcomes != [Outcome.DONE.value]:
            other.append(f"{tick:%H:%M:%S} {'+'.join(outcomes) or 'nothing'}")
    other += [f"{tick:%H:%M:%S} is none of its ticks" for tick in by_tick]
    late = [(run.began - run.tick).total_seconds() for run in history if run.began is not None]
    return Account(len(ticks), len(ticks) - len(other), other, calls, max(late) * 1000)
