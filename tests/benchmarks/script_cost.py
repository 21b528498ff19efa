"""What the queue's scripts cost the broker: CPU time for each call, HTTP and workers left out.

    python -m tests.benchmarks.script_cost [--runs 5]

Sales singly and products in fifties, of 1 KB, put by 500, claimed and settled as delivered;
`appendfsync everysec`. The middle of the runs is told, each with a fresh broker.
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.payloads import Load, Payload
from tests.benchmarks.processor import cpu_s

from onport_queue.broker import connect
from onport_queue.flight import Delivered, Gate, Granted, Settlement
from onport_queue.jobs import Job
from onport_queue.names import DEFAULT_CHANNEL, Kind, Lane
from onport_queue.puts import JOBS_PER_PUT, PutBatch
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker

_SALES, _PRODUCTS = 5_000, 100_000
_GATE = Gate(rate=1e6)


@dataclass(frozen=True, slots=True)
class _Work:
    queue: Queue
    broker_pid: int

    def put(self, kind: Kind, lane: Lane, jobs: Sequence[Job]) -> None:
        self.queue.put(PutBatch(os.urandom(12), kind, DEFAULT_CHANNEL, lane, jobs))

    def claim(self, lane: Lane) -> Granted:
        claim = self.queue.claim(lane, _GATE, os.urandom(8).hex())
        assert isinstance(claim, Granted)
        return claim

    def settle(self, granted: Granted) -> None:
        self.queue.settle(granted.lease, Settlement([Delivered() for _ in granted.items]))

    def cost_us(self, calls: int, do: Callable[[], None]) -> float:
        before = cpu_s(self.broker_pid)
        do()
        return (cpu_s(self.broker_pid) - before) / calls * 1e6


def costs_us() -> Iterator[tuple[str, float]]:
    """Yield what was called, and what one call of it cost, once through."""
    sales = _jobs(payload for _, payload in Load(what="sale", jobs=_SALES))
    products = _jobs(items[0] for _, items in Load(what="product", jobs=_PRODUCTS))
    by_500 = [products[at : at + JOBS_PER_PUT] for at in range(0, _PRODUCTS, JOBS_PER_PUT)]
    with (
        TemporaryDirectory() as folder,
        EmbeddedBroker(Path(folder), appendfsync="everysec") as broker,
        connect(broker.url) as redis,
    ):
        work = _Work(Queue(redis), int(redis.info("server")["process_id"]))
        work.queue.look(list(Lane))
        granted: list[Granted] = []

        def put_one_by_one() -> None:
            for sale in sales:
                work.put(Kind.SALE, Lane.HIGH, [sale])

        def put_by_500() -> None:
            for some in by_500:
                work.put(Kind.PRODUCT, Lane.LOW, some)

        def claim(lane: Lane, times: int) -> None:
            granted[:] = [work.claim(lane) for _ in range(times)]

        def settle() -> None:
            for each in granted:
                work.settle(each)

        yield "put of 1", work.cost_us(_SALES, put_one_by_one)
        yield "claim of 1", work.cost_us(_SALES, lambda: claim(Lane.HIGH, _SALES))
        yield "settle of 1", work.cost_us(_SALES, settle)
        yield "put of 500", work.cost_us(len(by_500), put_by_500)
        batches = _PRODUCTS // _GATE.batch_items
        yield "claim of 50", work.cost_us(batches, lambda: claim(Lane.LOW, batches))
        yield "settle of 50", work.cost_us(batches, settle)


def _jobs(payloads: Iterable[Payload]) -> list[Job]:
    return [Job(payload["externalId"], json.dumps(payload).encode()) for payload in payloads]


def _middle(runs: Sequence[Mapping[str, float]]) -> Iterator[tuple[str, float]]:
    for name in runs[0]:
        yield name, statistics.median(run[name] for run in runs)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="What the queue's scripts cost the broker.")
    parser.add_argument("--runs", type=int, default=5, help="(%(default)s)")
    for name, us in _middle([dict(costs_us()) for _ in range(parser.parse_args().runs)]):
        print(f"{name:<12} {us:7.1f} us CPU of the broker")


if __name__ == "__main__":
    main()
