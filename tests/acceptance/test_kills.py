"""Killing workers at any moment loses nothing.

RELAY_KILLS=60 RELAY_KILL_JOBS=40000 makes it as large as the promise is worded for.
"""

import os
from pathlib import Path

import pytest
from tests.acceptance.kills import kill_workers
from tests.acceptance.relay import HASH, running, sale

from onport_queue.names import Lane
from onport_sandbox import SandboxSettings
from onport_worker.fleet import WorkerPlan

KILLS = int(os.environ.get("RELAY_KILLS", "6"))
JOBS = int(os.environ.get("RELAY_KILL_JOBS", "3000"))
SEED = int(os.environ.get("RELAY_SEED", "1"))


@pytest.mark.timeout(120 + KILLS * 10 + JOBS / 50)
def test_killing_workers_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    killed = kill_workers(tmp_path, jobs=JOBS, kills=KILLS, seed=SEED)
    verdict = killed.verdict
    print(
        f"seed {SEED}: {killed.kills} kills, {verdict.acknowledged:,} jobs, "
        f"{verdict.duplicates} duplicates <= {killed.in_flight} in flight at the kills, lost "
        f"{len(verdict.lost)}, stale {len(verdict.stale)}, unexpected {len(verdict.unexpected)}, "
        f"dead {killed.dead}, unbalanced at {killed.unbalanced} of {killed.samples} samples; "
        f"{killed.seconds:.0f} s"
    )
    assert verdict.acknowledged >= JOBS
    assert killed.samples > 0
    assert killed.faults == ()


def test_a_killed_workers_jobs_are_being_sent_by_another_within_35_s(tmp_path: Path) -> None:
    slow = SandboxSettings(hashes={"default": HASH}, latency_ms=20_000)
    doomed = (WorkerPlan("doomed", (Lane.HIGH,), 4),)
    other = (WorkerPlan("other", (Lane.HIGH,), 4),)
    with running(tmp_path, slow) as relay:
        (doomed_one,) = relay.start_workers(doomed).processes
        relay.producer.create_sale(sale("1"))
        relay.wait_until(lambda: relay.queue.stats().in_flight == 1, within_s=10)
        relay.start_workers(other)
        relay.sandbox.configure(latency_ms=0)
        assert relay.applied() == {"1": 1}  # the endpoint has it; its answer is on its way
        doomed_one.kill()
        took = relay.wait_until(lambda: relay.applied()["1"] == 2, within_s=35)
        print(f"sent by another {took:.1f} s after the kill")
        relay.wait_until(relay.is_done, within_s=5)
        assert relay.queue.stats().imbalance == 0
