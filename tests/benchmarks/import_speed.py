"""How fast import_products takes a catalogue from an iterator, and the client's memory.

.venv/bin/python tests/benchmarks/import_speed.py
"""

import argparse
import resource
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from onport_producers import Producer
from onport_queue.clock import SystemClock
from onport_queue.settings import load_settings
from onport_worker.embedded import EmbeddedBroker


def products(count: int) -> Iterator[dict[str, object]]:
    for number in range(count):
        yield {
            "sku": f"SKU-{number}",
            "name": f"Product {number}",
            "inventoryQuantity": number % 100,
            "costPrice": 12.5,
            "description": "x" * 300,
        }


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--appendfsync", choices=("always", "everysec", "no"), default="everysec")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    clock = SystemClock()
    for _ in range(options.runs):
        with (
            TemporaryDirectory() as directory,
            EmbeddedBroker(Path(directory), appendfsync=options.appendfsync) as broker,
        ):
            producer = Producer(load_settings(redis_url=broker.url, data_dir=directory))
            producer.import_products(products(1_000))
            before, began = peak_mb(), clock.monotonic_s()
            summary = producer.import_products(products(options.items))
            took = clock.monotonic_s() - began
            print(
                f"{summary.accepted:,} products in {took:.2f} s ({summary.accepted / took:,.0f}/s, "
                f"{options.appendfsync}); client memory +{peak_mb() - before:.1f} MB at its peak"
            )


if __name__ == "__main__":
    main()
