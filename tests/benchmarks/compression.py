"""Whether compressing payloads pays: the bytes it saves, and its share of the relay's own CPU.

    python -m tests.benchmarks.compression
    python -m tests.benchmarks.compression --orders online-retail.csv

--orders: also the invoices of a file with the columns of UCI's "Online Retail" data set, as sales.

A dictionary is trained on other payloads of the same shop than those it is measured with. All
times are CPU times of one core.
"""

import argparse
import csv
import itertools
import secrets
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import zstandard
from tests.benchmarks import payloads
from tests.benchmarks.contender import arena
from tests.benchmarks.peers.relay.contender import Relay
from tests.benchmarks.stored_bytes import empty_queue, end_all, put, used
from tests.benchmarks.watch import watch

from onport_producers import Producer
from onport_queue.flight import Delivered
from onport_queue.fold import dump
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import JOBS_PER_PUT, PutBatch
from onport_queue.settings import load_settings

_TRAINED_ON = 1_000
_MEASURED = 300
_STORED = 4_000
_DICTIONARY_BYTES = 16_384
_LONGEST_TRAINING = 8_000_000
_ROUNDS = 3
_ROUND_S = 0.15
_CONCURRENCY = 16

Payload = Mapping[str, Any]


class Codec(NamedTuple):
    """A way to store payloads."""

    name: str
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Subject:
    """Payloads of one sort: those that are measured, and a dictionary for them."""

    title: str
    kind: Kind
    jobs: Sequence[Payload]
    dictionary: zstandard.ZstdCompressionDict

    @property
    def bodies(self) -> Sequence[bytes]:
        """What is stored of the first ones today."""
        return [dump(dict(job)) for job in self.jobs[:_STORED]]


class Cost(NamedTuple):
    """The relay's own CPU for one sale or product, in microseconds."""

    put_us: float
    delivery_us: float


def order(number: int, seed: int, lines: int) -> Payload:
    """Return a sale of so many lines."""
    first = payloads.sale(number, seed)
    more = (payloads.sale(number + step, seed)["lineItems"] for step in range(lines))
    return {**first, "lineItems": list(itertools.islice(itertools.chain(*more), lines))}


def subjects(orders: Path | None) -> Iterator[Subject]:
    """Yield what is measured."""

    def of(title: str, kind: Kind, many: int, make: Callable[[int, int], Payload]) -> Subject:
        # Numbers and words of the two have nothing in common.
        training = (dump(dict(make(10_000_000 + n * 7, 2))) for n in range(_TRAINED_ON))
        return Subject(title, kind, [make(n, 1) for n in range(many)], trained(training))

    yield of("product of 1 KB, put in bulk", Kind.PRODUCT, 30_000, payloads.product)
    yield of("sale of 1 KB", Kind.SALE, 4_000, payloads.sale)
    yield of("sale of 5 KB", Kind.SALE, 3_000, lambda number, seed: order(number, seed, 50))
    yield of("sale of 50 KB", Kind.SALE, 1_200, lambda number, seed: order(number, seed, 600))
    if orders:
        real = list(invoices(orders))
        half = len(real) // 2
        dictionary = trained(dump(dict(sale)) for sale in real[half:])
        yield Subject("real invoice", Kind.SALE, _repeated(real[:half], 3_000), dictionary)


def trained(samples: Iterator[bytes]) -> zstandard.ZstdCompressionDict:
    """Return a dictionary for payloads like these; of long ones fewer are looked at."""
    taken, size = list[bytes | bytearray | memoryview](), 0
    for sample in samples:
        if size > _LONGEST_TRAINING:
            break
        taken.append(sample)
        size += len(sample)
    return zstandard.train_dictionary(_DICTIONARY_BYTES, taken)


def invoices(path: Path) -> Iterator[Payload]:
    """Yield the sales of a file of order lines; cancellations are left out."""
    with path.open(encoding="utf-8", newline="") as file:
        for number, rows in itertools.groupby(csv.DictReader(file), lambda row: row["InvoiceNo"]):
            if number.startswith("C"):
                continue
            yield {
                "externalId": number,
                "saleDefaults": {"reference": f"#{number}", "status": "paid", "currency": "GBP"},
                "lineItems": [
                    {
                        "externalId": f"{number}-{line}",
                        "title": row["Description"].strip(),
                        "quantity": int(row["Quantity"]),
                        "price": float(row["UnitPrice"]),
                        "variant": {"sku": row["StockCode"]},
                    }
                    for line, row in enumerate(rows)
                ],
            }


def _repeated(sales: Sequence[Payload], many: int) -> Sequence[Payload]:
    # Each under an id of its own, for the queue folds what has the same.
    again = enumerate(itertools.islice(itertools.cycle(sales), many))
    return [{**sale, "externalId": f"{sale['externalId']}-{at:05}"} for at, sale in again]


def codecs(dictionary: zstandard.ZstdCompressionDict) -> Iterator[Codec]:
    """Yield the ways to store a payload."""
    yield Codec("as it came", bytes, bytes)
    for level in (1, 6):
        yield Codec(f"zlib {level}", partial(zlib.compress, level=level), zlib.decompress)
    for level in (1, 3):
        compressor, decompressor = zstandard.ZstdCompressor(level), zstandard.ZstdDecompressor()
        yield Codec(f"zstd {level}", compressor.compress, decompressor.decompress)
    for level in (1, 3):
        compressor = zstandard.ZstdCompressor(level, dict_data=dictionary)
        decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)
        name = f"zstd {level} with a dictionary"
        yield Codec(name, compressor.compress, decompressor.decompress)


def cpu_us(call: Callable[[bytes], bytes], bodies: Sequence[bytes]) -> float:
    """Return the CPU time of a call, the least of some rounds."""
    rounds = []
    for _ in range(_ROUNDS):
        calls, began = 0, time.process_time()
        while (took := time.process_time() - began) < _ROUND_S:
            for body in bodies:
                call(body)
            calls += len(bodies)
        rounds.append(took / calls * 1e6)
    return min(rounds)


def in_redis(bodies: Sequence[bytes]) -> float:
    """Return the bytes that a pending job takes."""
    with empty_queue(persist=False) as (client, queue, _):
        put(queue, Kind.SALE, 1, 100)
        end_all(queue, Delivered())  # the scripts and the ledger are there before
        before = used(client)
        jobs = [Job(f"externalId=P-{number:08d}", body) for number, body in enumerate(bodies)]
        for start in range(0, len(jobs), JOBS_PER_PUT):
            portion = jobs[start : start + JOBS_PER_PUT]
            queue.put(PutBatch(secrets.token_bytes(12), Kind.PRODUCT, "default", Lane.LOW, portion))
        return (used(client) - before) / len(jobs)


def cost(subject: Subject) -> Cost:
    """Measure what the relay takes to put and to deliver these: one process puts, one delivers."""
    many = len(subject.jobs)
    with arena({}) as here:
        producer = Producer(load_settings(redis_url=here.broker_url, data_dir=here.home))
        began = time.process_time()
        if subject.kind is Kind.PRODUCT:
            for start in range(0, many, JOBS_PER_PUT):
                producer.import_products(subject.jobs[start : start + JOBS_PER_PUT])
        else:
            for job in subject.jobs:
                producer.create_sale(job)
        put_s = time.process_time() - began
        setup = here.setup(concurrency=_CONCURRENCY)
        with Relay().working(here, setup) as workers:
            seen = watch(here, workers, jobs=many, warm_up_s=0.2, seconds=2)
        return Cost(put_s / many * 1e6, seen.worker_cpu_s / seen.items * 1e6)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=Path, help="a CSV file of order lines")
    for subject in subjects(parser.parse_args().orders):
        tell(subject, cost(subject))


def tell(subject: Subject, own: Cost) -> None:
    """Print what each codec makes of these."""
    bodies = subject.bodies
    size = sum(map(len, bodies)) / len(bodies)
    print(
        f"{subject.title}: {size:,.0f} bytes; the relay's CPU for one: "
        f"{own.put_us:,.0f} us in its put, {own.delivery_us:,.0f} us in its delivery"
    )
    for codec in codecs(subject.dictionary):
        kept = [codec.compress(body) for body in bodies]
        if [codec.decompress(body) for body in kept] != bodies:
            raise SystemExit(f"{codec.name}: what comes out is not what went in")
        ratio, memory = sum(map(len, kept)) / len(kept) / size, in_redis(kept) / size
        compress_us = cpu_us(codec.compress, bodies[:_MEASURED])
        decompress_us = cpu_us(codec.decompress, kept[:_MEASURED])
        print(
            f"  {codec.name:24} {ratio:6.1%} of its bytes, {memory:.2f} in Redis; "
            f"{compress_us:6.1f} us to compress ({compress_us / own.put_us:4.0%} of the put), "
            f"{decompress_us:5.1f} to decompress ({decompress_us / own.delivery_us:4.0%} of the "
            "delivery)",
            flush=True,
        )


if __name__ == "__main__":
    main()
