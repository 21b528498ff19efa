"""A worker that dies at any step of a delivery loses nothing."""

from pathlib import Path

import pytest
from tests.acceptance.faults import FAULTY, SOUND, fault
from tests.acceptance.relay import products, running, sale

from onport_worker.steps import Step

LEASE_S = 10.0
# Sent before the worker died: the endpoint has it, and the queue can't know.
SENT_TWICE = {Step.SENT, Step.ANSWERED}


@pytest.mark.parametrize("step", Step)
def test_a_worker_killed_at_a_step_loses_nothing(tmp_path: Path, step: Step) -> None:
    with running(tmp_path, lease_s=LEASE_S) as relay:
        with fault(f"kill:{step}"):
            faulty = relay.start_workers(FAULTY)
        relay.producer.create_sale(sale("1"))
        relay.wait_until(lambda: faulty.processes[0].poll() is not None, within_s=10)
        assert relay.queue.stats().in_flight == (0 if step is Step.SETTLED else 1)
        relay.producer.import_products(products(50))

        relay.start_workers(SOUND)
        relay.wait_until(relay.is_done, within_s=LEASE_S + 10)
        stats = relay.queue.stats()
        assert (stats.ledger.delivered, stats.dead, stats.imbalance) == (51, 0, 0)
        applied = relay.applied()
        assert applied.pop("1") == (2 if step in SENT_TWICE else 1)
        assert set(applied.values()) == {1}
        assert len(applied) == 50
