"""What counting costs a worker: CPU time for each request, with and without its metrics.

    python -m tests.benchmarks.observer_cost [--shared]

--shared: as in `up`, where the processes of a host add up their figures in files.
"""

import argparse
import os
import time
from tempfile import TemporaryDirectory

from onport_queue.flight import Delivered, Granted, Item, Settlement
from onport_queue.names import FIGURES_VARIABLE, Kind, Lane
from onport_worker.delivery.outcome import Answered
from onport_worker.observer import Delivery, Nobody, Observer

_ROUNDS = 5


def delivery(kind: Kind, items: int) -> Delivery:
    """Return a request of so many jobs that was accepted."""
    jobs = tuple(Item(f"key-{at}", 0, 0, put_ms_ago=120, fragments=()) for at in range(items))
    granted = Granted("lease", kind, "default", Lane.LOW, more=True, items=jobs)
    return Delivery(granted, Answered(200), Settlement([Delivered()] * items), seconds=0.02)


def cost_us(observer: Observer, told: Delivery, requests: int) -> float:
    """Return the CPU time of one request's events, the least of some rounds."""
    rounds = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(requests):
            observer.asked(Lane.LOW, told.granted)
            observer.answered(told)
            observer.settled(told)
        rounds.append((time.process_time() - began) / requests * 1e6)
    return min(rounds)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="What counting costs a worker.")
    parser.add_argument("--shared", action="store_true", help="figures in files, as in up")
    with TemporaryDirectory() as folder:
        if parser.parse_args().shared:
            os.environ[FIGURES_VARIABLE] = folder
        # Only now: prometheus-client reads the environment when it is imported.
        from onport_worker.telemetry.metrics import Metrics  # noqa: PLC0415

        observers: dict[str, Observer] = {"nobody": Nobody(), "metrics": Metrics().of("default")}
        for kind, items, requests in ((Kind.SALE, 1, 20_000), (Kind.PRODUCT, 50, 2_000)):
            for name, observer in observers.items():
                us = cost_us(observer, delivery(kind, items), requests)
                print(f"{kind.value:<8} {items:>2} jobs  {name:<8} {us:6.1f} us CPU per request")


if __name__ == "__main__":
    main()
