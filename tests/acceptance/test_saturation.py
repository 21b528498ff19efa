"""A worker whose processor is busy keeps its leases."""

from pathlib import Path

from tests.acceptance.faults import FAULTY, fault
from tests.acceptance.relay import HASH, running, sale

from onport_sandbox import SandboxSettings

BUSY_THREADS = 16
LEASE_S = 10.0


def test_leases_are_renewed_while_the_process_is_saturated(tmp_path: Path) -> None:
    slow = SandboxSettings(hashes={"default": HASH}, latency_ms=2.2 * LEASE_S * 1000)
    with running(tmp_path, slow, lease_s=LEASE_S) as relay:
        with fault(f"busy:{BUSY_THREADS}"):
            relay.start_workers(FAULTY)
        relay.producer.create_sale(sale("1"))
        relay.wait_until(relay.is_done, within_s=60)
        stats = relay.queue.stats()
        assert (stats.ledger.delivered, stats.ledger.expired, stats.ledger.fenced) == (1, 0, 0)
        assert relay.applied() == {"1": 1}
