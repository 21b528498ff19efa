"""An outage of the endpoint costs nothing but time.

RELAY_OUTAGE_S=120 makes it as long as the promise is worded for; it is ten seconds by default.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.proxy import Proxy
from tests.acceptance.relay import CONCURRENCY, HASH, Relay, products, running, sale

from onport_queue.names import Kind, Lane
from onport_sandbox import SandboxSettings

OUTAGE_S = float(os.environ.get("RELAY_OUTAGE_S", "10"))
READ_TIMEOUT_S = 30.0 if OUTAGE_S >= 60 else 2.0
RATE = 10.0
JOBS = 5_000

pytestmark = pytest.mark.timeout(OUTAGE_S + 180)


@contextmanager
def broken_down(home: Path, how: str) -> Iterator[tuple[Relay, Proxy]]:
    """Run a relay whose endpoint is down, with thousands of jobs pending."""
    answers = SandboxSettings(hashes={"default": HASH}, latency_ms=10, hold_seconds=300)
    with (
        running(home, answers, rate=RATE, read_timeout_s=READ_TIMEOUT_S) as relay,
        Proxy(relay.sandbox.port) as proxy,
    ):
        if how == "refused":
            proxy.refuse()
        else:
            relay.sandbox.configure(outage=how)
        relay.producer.import_products(products(JOBS))
        address = relay.sandbox.url.replace(f":{relay.sandbox.port}/", f":{proxy.port}/")
        relay.start_workers(base_url=address)
        yield relay, proxy
        relay.stop_workers()


def most_attempts(relay: Relay) -> int:
    views = (
        relay.queue.show(Kind.PRODUCT, "default", f"sku={item['sku']}") for item in products(JOBS)
    )
    return max(view.attempts for view in views if view is not None)


@pytest.mark.parametrize("how", ["status", "refused", "hung"])
def test_an_outage_costs_a_few_requests_and_one_attempt_of_few_jobs(
    tmp_path: Path, how: str
) -> None:
    with broken_down(tmp_path, how) as (relay, proxy):
        relay.run_for(OUTAGE_S)
        stats = relay.queue.stats()
        assert stats.outage is not None
        # An endpoint that answers at once leaves hardly anything on the wire.
        assert stats.ledger.requests <= 15 + (CONCURRENCY if how == "hung" else 2)
        print(f"{how}: {stats.ledger.requests} requests in {OUTAGE_S:.0f} s")
        assert most_attempts(relay) <= 1
        assert stats.dead == 0

        for number in range(20):
            relay.producer.create_sale(sale(f"new-{number}"))
        during = len(relay.receipts())
        proxy.listen() if how == "refused" else relay.sandbox.configure(outage="off")
        relay.wait_until(relay.is_done, within_s=90)

        after = [receipt for receipt in relay.receipts()[during:] if receipt.applied]
        kinds = [receipt.kind.value for receipt in after]
        # The probe may have been on its way; from then on new sales go first, nine in ten.
        assert kinds[1:24].count("sale") >= 19
        for seconds, most in ((1, 1), (2, 3), (3, 7)):
            arrived = sum(1 for receipt in after if receipt.at < after[0].at + seconds)
            assert arrived <= most * RATE / 10 + 2 + 1
        applied = relay.applied()
        assert len(applied) == JOBS + 20
        assert relay.queue.stats().imbalance == 0
        assert relay.queue.stats().pending_in(Lane.HIGH) == 0
