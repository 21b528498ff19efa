"""How long a new sale waits behind a catalogue import: from the call of create_sale to its arrival.

50,000 products pending at 20 requests/s; 100 trials, each starting when the previous one arrived.
The producer is this process, workers and sandbox are others. Run on an idle machine:

    .venv/bin/python tests/benchmarks/new_sale_wait.py
"""

import argparse
import json
import statistics
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from onport_producers import Producer
from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.settings import load_settings
from onport_queue.store import Queue
from onport_sandbox import SandboxProcess, SandboxSettings
from onport_worker.demo.stage import CONCURRENCY, await_workers, plans
from onport_worker.embedded import EmbeddedBroker
from onport_worker.fleet import Fleet

SECRET = "bench"
LIMIT_MS = 150.0
PATIENCE_S = 10.0


def trial(producer: Producer, arrivals: "Arrivals", number: int) -> float:
    clock = SystemClock()
    called_at = clock.wall().timestamp()
    producer.create_sale({"externalId": f"wait-{number}", "lineItems": []})
    return (arrivals.of(f"wait-{number}") - called_at) * 1000


class Arrivals:
    """Follows the sandbox's receipts."""

    def __init__(self, receipts: Path) -> None:
        self._lines = self._follow(receipts)

    def of(self, key: str) -> float:
        for line in self._lines:
            receipt = json.loads(line)
            if receipt["kind"] == "sale" and receipt["items"][0]["key"] == key:
                return float(receipt["at"])
        raise RuntimeError(f"{key} did not arrive within {PATIENCE_S} s")

    def _follow(self, receipts: Path) -> Iterator[str]:
        clock, never = SystemClock(), threading.Event()
        with receipts.open(encoding="ascii") as file:
            quiet_since = clock.monotonic_s()
            line = ""
            while clock.monotonic_s() - quiet_since < PATIENCE_S:
                line += file.readline()
                if line.endswith("\n"):
                    yield line
                    line, quiet_since = "", clock.monotonic_s()
                else:
                    clock.wait(never, 0.001)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pending", type=int, default=50_000)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--trials", type=int, default=100)
    options = parser.parse_args()
    with TemporaryDirectory() as directory:
        home = Path(directory)
        receipts = home / "receipts.jsonl"
        answers = SandboxSettings(hashes={"default": SECRET})
        with (
            EmbeddedBroker(home / "broker") as broker,
            SandboxProcess(answers, receipts=receipts) as sandbox,
        ):
            settings = load_settings(
                redis_url=broker.url,
                base_url=sandbox.url,
                webhook_hash=SECRET,
                rate=options.rate,
                data_dir=home,
            )
            producer = Producer(settings)
            producer.import_products(
                {"sku": f"P{n}", "name": "x" * 300} for n in range(options.pending)
            )
            with Fleet(settings, plans(CONCURRENCY), home / "workers.log") as fleet:
                queue = Queue(connect(broker.url))
                await_workers(fleet, queue)
                arrivals = Arrivals(receipts)
                waits = sorted(trial(producer, arrivals, n) for n in range(options.trials))
                left = queue.stats().pending
    within = sum(wait <= LIMIT_MS for wait in waits)
    print(
        f"{options.pending:,} products pending at {options.rate:g} requests/s, "
        f"{left:,} left at the end"
    )
    print(f"new sale: median {statistics.median(waits):.0f} ms, max {waits[-1]:.0f} ms")
    print(f"within {LIMIT_MS:.0f} ms: {within} of {len(waits)}")


if __name__ == "__main__":
    main()
