"""A worker that was stopped for longer than its lease does nothing with it when it goes on."""

import os
import signal
from pathlib import Path

import pytest
from tests.acceptance.faults import FAULTY, SOUND, fault
from tests.acceptance.relay import running, sale

from onport_worker.steps import Step

LEASE_S = 10.0


@pytest.mark.parametrize(
    ("step", "arrivals", "told"),
    [
        (Step.CLAIMED, 1, "send_fenced"),
        (Step.SENDING, 1, "send_fenced"),
        (Step.HALF_SENT, 1, "send_fenced"),
        (Step.ANSWERED, 2, "settle_fenced"),
    ],
)
def test_a_worker_stopped_past_its_lease_neither_sends_nor_settles_nor_renews(
    tmp_path: Path, step: Step, arrivals: int, told: str
) -> None:
    with running(tmp_path, lease_s=LEASE_S) as relay:
        with fault(f"stop:{step}"):
            (zombie,) = relay.start_workers(FAULTY).processes
        relay.producer.create_sale(sale("1"))
        relay.wait_until(lambda: relay.queue.stats().in_flight == 1, within_s=10)
        relay.start_workers(SOUND)
        relay.wait_until(relay.is_done, within_s=LEASE_S + 10)

        os.kill(zombie.pid, signal.SIGCONT)
        relay.wait_until(lambda: told in relay.log.read_text(), within_s=10)
        relay.producer.create_sale(sale("2"))
        relay.wait_until(relay.is_done, within_s=10)
        stats = relay.queue.stats()
        assert relay.applied() == {"1": arrivals, "2": 1}
        assert (stats.ledger.delivered, stats.ledger.expired, stats.flights) == (2, 1, 0)
        assert (stats.dead, stats.imbalance) == (0, 0)
