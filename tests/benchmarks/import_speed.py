"""How fast `send products` takes a catalogue, its memory, and what a second night would send.

.venv/bin/python tests/benchmarks/import_speed.py
.venv/bin/python tests/benchmarks/import_speed.py --format woocommerce --changed 0.02
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.flight import Answer, Delivered, Empty, Gate, Granted, Settlement
from onport_queue.names import Lane
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker

_TEXT = "<p>" + "What it is made of, and how it is cared for. " * 6 + "</p>"
_HEADERS = {
    "csv": "sku,name,inventoryQuantity,costPrice,description,barcode,grams,taxable",
    "shopify": "Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Grams,"
    "Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Image Src,Status",
    "woocommerce": "ID,Type,SKU,Name,Published,Description,In stock?,Stock,Weight (kg),"
    "Regular price,Images,Parent,Attribute 1 name,Attribute 1 value(s)",
}
_VARIANTS = 5
"""Of each product of a shop's export."""


def rows(kind: str, many: int, changed: float) -> Iterator[Sequence[object]]:
    """Yield the rows of a file with so many items, a share of which have another stock."""
    step = round(1 / changed) if changed else many + 1
    for number in range(many):
        stock = number % 100 + (0 if (number + 1) % step else 1)
        product, variant = divmod(number, _VARIANTS)
        sku, price, image = f"SKU-{number}", 12.5, f"https://img.example/{product}.jpg"
        match kind:
            case "csv":
                yield (
                    sku,
                    f"Product {number}",
                    stock,
                    price,
                    _TEXT,
                    40_000_000 + number,
                    250,
                    "true",
                )
            case "shopify":
                shared = (f"Product {product}", _TEXT, "Size") if variant == 0 else ("", "", "")
                unit = ("shopify", stock, price, image if variant == 0 else "", "active")
                yield f"product-{product}", *shared, variant, sku, 250, *unit
            case _:
                if variant == 0:
                    name = f"Product {product}"
                    yield many + product, "variable", f"P-{product}", name, 1, _TEXT, 1, "", 0.25, \
                        "", image, "", "Size", "0, 1, 2, 3, 4"  # fmt: skip
                yield number, "variation", sku, "", 1, "", 1, stock, "", price, "", \
                    f"P-{product}", "Size", variant  # fmt: skip


def written(path: Path, kind: str, many: int, changed: float) -> Path:
    """Write a file of so many items."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADERS[kind].split(","))
        writer.writerows(rows(kind, many, changed))
    return path


class Sent(NamedTuple):
    """What `send` said, and what its process took: seconds, seconds of CPU, its peak in MB."""

    summary: dict[str, object]
    took_s: float
    cpu_s: float
    peak_mb: float


def sent(path: Path, url: str) -> Sent:
    """Send a file as an operator does."""
    clock = SystemClock()
    began = clock.monotonic_s()
    command = [
        sys.executable,
        "-P",
        "-m",
        "onport_worker.cli",
        "send",
        "products",
        str(path),
        "--json",
    ]
    with subprocess.Popen(
        command, env={**os.environ, "ONPORT_RELAY_REDIS_URL": url}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        summary = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"send ended with {process.returncode}: {summary}")
    took_s, cpu_s = clock.monotonic_s() - began, usage.ru_utime + usage.ru_stime
    return Sent(summary, took_s, cpu_s, usage.ru_maxrss / 1024)


def deliver_all(queue: Queue) -> None:
    """Settle everything as delivered, as one worker would."""
    queue.look([Lane.LOW])
    gate = Gate(rate=1e6, batch_items=500, batch_bytes=100_000_000)
    while not isinstance(claim := queue.claim(Lane.LOW, gate, os.urandom(8).hex()), Empty):
        if isinstance(claim, Granted):
            verdicts = [Delivered() for _ in claim.items]
            queue.settle(claim.lease, Settlement(verdicts, Answer.ACCEPTED, status="200"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--format", choices=sorted(_HEADERS), default="csv")
    parser.add_argument("--changed", type=float, default=0.02, help="share of the second run")
    parser.add_argument("--appendfsync", choices=("always", "everysec", "no"), default="always")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    for _ in range(options.runs):
        with (
            TemporaryDirectory() as directory,
            EmbeddedBroker(Path(directory), appendfsync=options.appendfsync) as broker,
            connect(broker.url) as redis,
        ):
            queue = Queue(redis)
            for changed in (0.0, options.changed):
                path = Path(directory) / "catalogue.csv"
                written(path, options.format, options.items, changed)
                told = sent(path, broker.url)
                pending = queue.stats().pending
                print(
                    f"{options.format}, {path.stat().st_size / 1e6:.0f} MB, {changed:.0%} changed: "
                    f"{told.summary['accepted']:,} items in {told.took_s:.1f} s, "
                    f"{told.cpu_s:.1f} s of CPU, both with the start of the process "
                    f"({options.appendfsync}); {told.peak_mb:.0f} MB at its peak; "
                    f"{pending:,} to be sent ({pending / options.items:.2%})"
                )
                deliver_all(queue)


if __name__ == "__main__":
    main()
