"""What the gateway counts, and what else it tells: bounded labels, no keys, no payloads.

With several processes each writes to files of PROMETHEUS_MULTIPROC_DIR, and any of them answers for
all. In `up` the workers write there too.
"""

import os
from collections import Counter as Counts
from collections.abc import Iterable
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from onport_producers.receipt import State
from onport_queue.names import FIGURES_VARIABLE, Kind

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_GROUP = (1, 2, 4, 8, 16, 32, 64, 128, 256, 500)


class Metrics:
    """Counters and histograms of one process.

    Args:
        beside: what is told with them, the same by every process.
    """

    def __init__(self, *beside: Collector) -> None:
        self._beside = beside
        self._registry = CollectorRegistry()
        name, registry = "onport_relay_gateway", self._registry
        self._seconds = Histogram(
            f"{name}_request_seconds",
            "From a request's head to its answer; their number is that of the requests.",
            ("endpoint", "status"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._jobs = Counter(
            f"{name}_jobs",
            "Jobs taken, by what became of them.",
            ("kind", "state"),
            registry=registry,
        )
        self._groups = Histogram(
            f"{name}_group_sales", "Sales put in one step.", buckets=_GROUP, registry=registry
        )
        # Looking a label up costs as much as counting it.
        self._seconds_of = cache(self._seconds.labels)

    def answered(self, endpoint: Kind, status: int, seconds: float) -> None:
        """Count a request."""
        self._seconds_of(endpoint.value, status).observe(seconds)

    def taken(self, kind: Kind, states: Iterable[State]) -> None:
        """Count jobs."""
        for state, many in Counts(states).items():
            self._jobs.labels(kind.value, state.value).inc(many)

    def grouped(self, sales: int) -> None:
        """Count a put of sales."""
        self._groups.observe(sales)

    def text(self) -> bytes:
        """Return all of it, of all processes, as Prometheus reads it."""
        together = CollectorRegistry()
        if FIGURES_VARIABLE in os.environ:
            MultiProcessCollector(together)  # type: ignore[no-untyped-call] # it has no types
        else:
            together.register(self._registry)
        for each in self._beside:
            together.register(each)
        return generate_latest(together)
