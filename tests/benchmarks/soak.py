"""Half an hour of load with a kill every 20 s: does a worker that lives through it stay as it was?

    python -m tests.benchmarks.soak [--minutes 30]

Two workers are killed in turn and started again; the third is watched: memory, file descriptors,
connections. Before that, how many Redis commands an idle relay makes. Exits 1 if the last quarter
of the time shows more than the second.
"""

import argparse
import os
import signal
import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.acceptance.kills import Sampler
from tests.acceptance.relay import UNTIRING, Relay, running
from tests.benchmarks.load import Backlog

from onport_queue.clock import SystemClock
from onport_queue.names import Lane
from onport_worker.fleet import Fleet, WorkerPlan

_BOTH = (Lane.HIGH, Lane.LOW)
_WATCHED = (WorkerPlan("watched", _BOTH, 16),)
_MORTAL = tuple(WorkerPlan(f"mortal-{n}", _BOTH, 16) for n in range(2))
_KILL_EVERY_S = 20.0
_READ_EVERY_S = 5.0
_IDLE_S = 20.0
_IDLE_COMMANDS = 5.0
_RATE = 100.0
_WARM_UP_RATE, _WARM_UP_S = 2_000.0, 45.0
# A heap that breathes is no leak; what leaks grows by more in ten minutes.
_TOLERANCE = {"rss_mb": 3.0, "descriptors": 3.0, "sockets": 3.0}
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Reading:
    """A worker at one moment."""

    rss_mb: float
    descriptors: int
    sockets: int


def read(pid: int) -> Reading:
    """Read what a process uses."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    open_files = list(_targets(pid))
    return Reading(
        rss_mb=pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        descriptors=len(open_files),
        sockets=sum(target.startswith("socket:") for target in open_files),
    )


def _targets(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(entry.readlink())
        except OSError:
            continue  # closed meanwhile


def idle_commands_per_s(relay: Relay) -> float:
    """Return how many commands/s a worker without work makes; not those within a script."""
    with Fleet(relay.settings, _WATCHED, relay.log):
        relay.wait_until(lambda: len(relay.queue.stats().workers) == 1, within_s=30)
        relay.run_for(5)
        ends_at = _CLOCK.monotonic_s() + _IDLE_S
        commands = 0
        with relay.redis.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis-py's
            for command in monitor.listen():
                commands += int(command["client_type"] != "lua")
                if _CLOCK.monotonic_s() > ends_at:
                    return commands / _IDLE_S
        raise AssertionError("the broker stopped telling")


@contextmanager
def _mortals(relay: Relay) -> Iterator[Fleet]:
    with Fleet(relay.settings, _MORTAL, relay.log, restarts=UNTIRING) as fleet:
        yield fleet


def watch(relay: Relay, minutes: float) -> list[Reading]:
    """Kill one worker or the other every 20 s; return the readings of the third."""
    readings, kills = [], 0
    ends_at = _CLOCK.monotonic_s() + minutes * 60 + _WARM_UP_S
    with (
        Backlog(relay.queue, 2_000) as backlog,
        Fleet(relay.settings, _WATCHED, relay.log) as watched,
        _mortals(relay) as mortals,
    ):
        backlog.fill()
        _warm_up(relay)
        next_kill = _CLOCK.monotonic_s() + _KILL_EVERY_S
        while (now := _CLOCK.monotonic_s()) < ends_at:
            if now >= next_kill:
                os.kill(mortals.pids[kills % 2], signal.SIGKILL)
                kills += 1
                next_kill = now + _KILL_EVERY_S
            mortals.restart_ended()
            watched.check()
            readings.append(read(watched.pids[0]))
            _CLOCK.wait(threading.Event(), _READ_EVERY_S)
    print(f"{kills} kills in {minutes:g} minutes")
    return readings


def _warm_up(relay: Relay) -> None:
    """Keep all threads busy for a while.

    Pools of connections only grow, to what was ever needed at once; at a leisurely rate that takes
    an hour and looks like a leak.
    """
    relay.queue.set_rate(_WARM_UP_RATE)
    relay.run_for(_WARM_UP_S)
    relay.queue.set_rate(None)


def compared(readings: list[Reading]) -> bool:
    """Print the second and the last quarter side by side; return whether it is flat."""
    quarter = len(readings) // 4
    flat = True
    for name, tolerance in _TOLERANCE.items():
        early, late = (
            statistics.median(getattr(reading, name) for reading in part)
            for part in (readings[quarter : 2 * quarter], readings[-quarter:])
        )
        flat = flat and late - early <= tolerance
        print(f"{name:<12} {early:8.1f} in the second quarter, {late:8.1f} in the last")
    return flat


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args()
    with TemporaryDirectory() as directory:
        home = Path(directory)
        with running(home, appendfsync="always", rate=_RATE, lease_s=10.0) as relay:
            idle = idle_commands_per_s(relay)
            print(f"idle: {idle:.1f} commands/s of a worker, at most {_IDLE_COMMANDS:g} wanted")
            with Sampler(relay.queue) as sampler:
                readings = watch(relay, options.minutes)
            stats = relay.queue.stats()
        print(
            f"{stats.ledger.delivered:,} delivered, {stats.ledger.expired:,} leases expired, "
            f"dead {stats.dead}, unbalanced at {sampler.unbalanced} of {sampler.samples:,} samples"
        )
        good = compared(readings) and idle <= _IDLE_COMMANDS and sampler.unbalanced == 0
        return 0 if good and stats.dead == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
