"""A copy of the broker's file that is taken while shops put and workers deliver is a backup."""

import itertools
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.acceptance.relay import Relay, products, running

from onport_queue.broker import connect
from onport_queue.names import Kind, job_key
from onport_queue.puts import JOBS_PER_PUT
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker

LOG = "appendonlydir"


class Shop(threading.Thread):
    """Puts products until it is told to stop, and knows which have been accepted."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(daemon=True)
        self._relay = relay
        self._stop_asked = threading.Event()
        self.accepted: list[str] = []

    def run(self) -> None:
        rounds = itertools.count()
        while not self._stop_asked.is_set():
            items = products(100, prefix=f"R{next(rounds)}-")
            self._relay.producer.import_products(items)
            self.accepted += [f"sku={item['sku']}" for item in items]

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()


def lacking(queue: Queue, keys: Sequence[str]) -> set[str]:
    """Return those of the keys that a queue neither holds nor has delivered."""
    jobs = [job_key(Kind.PRODUCT, "default", key) for key in keys]
    known = {delivery.key for delivery in queue.delivered()}
    for start in range(0, len(jobs), JOBS_PER_PUT):
        portion = jobs[start : start + JOBS_PER_PUT]
        states = zip(portion, queue.states(portion), strict=True)
        known |= {job for job, state in states if state}
    return set(jobs) - known


def test_a_copy_taken_at_work_lacks_nothing_that_was_accepted_before_it(tmp_path: Path) -> None:
    with running(tmp_path / "first", rate=100.0) as relay:
        relay.start_workers()
        shop = Shop(relay)
        shop.start()
        relay.wait_until(lambda: relay.queue.stats().ledger.delivered > 100, within_s=30)
        relay.redis.config_set("auto-aof-rewrite-percentage", 0)
        before = list(shop.accepted)
        shutil.copytree(tmp_path / "first" / "broker" / LOG, tmp_path / "second" / LOG)
        shop.stop()

    with (
        EmbeddedBroker(tmp_path / "second", appendfsync="no") as broker,
        connect(broker.url) as client,
    ):
        queue = Queue(client)
        assert lacking(queue, before) == set()
        assert lacking(queue, ["sku=never-put"]) == {"product:default:sku=never-put"}
        assert queue.stats().imbalance == 0
    assert len(before) > 100
