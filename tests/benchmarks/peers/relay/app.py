"""The relay's publisher: a shop with a Producer."""

from collections.abc import Iterable

from tests.benchmarks.payloads import PRODUCTS_PATH, SALE_PATH, Lane
from tests.benchmarks.peers.publisher import Job, Publisher, in_chunks

from onport_producers import Producer
from onport_queue.names import DEFAULT_CHANNEL, Kind
from onport_queue.names import Lane as QueueLane
from onport_queue.puts import JOBS_PER_PUT


class _Publisher(Publisher):
    def __init__(self) -> None:
        self._producer = Producer()

    def one(self, job: Job, lane: Lane) -> None:
        path, payload = job
        if path == PRODUCTS_PATH:
            self._producer.import_products(payload)
        elif lane == "high":
            self._producer.create_sale(payload)
        else:
            self._producer.update_sale(payload)

    def many(self, jobs: Iterable[Job], lane: Lane) -> None:
        for chunk in in_chunks(jobs, JOBS_PER_PUT):
            products = [item for path, items in chunk if path == PRODUCTS_PATH for item in items]
            sales = [self._producer.prepare_sale(sale) for path, sale in chunk if path == SALE_PATH]
            if products:
                self._producer.import_products(products)
            if sales:
                self._producer.put_jobs(Kind.SALE, QueueLane(lane), DEFAULT_CHANNEL, sales)


if __name__ == "__main__":
    _Publisher().serve()
