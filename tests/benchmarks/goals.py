"""What the relay is to reach, and whether the kept results show it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.benchmarks.benches.order_under_load import LATENCY_MS
from tests.benchmarks.results import Result, Row

_FLOORS = ("httpx-loop", "lpush", "limit")
_CLAIMS_AT = 1_000_000


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: of all values that a result has for it the worst counts."""

    text: str
    bench: str
    bound: Literal["at least", "at most"]
    wanted: float
    values: Callable[[Result], Iterator[float | None]]

    def reached(self, results: Mapping[str, Result]) -> float | None:
        """Return the worst value; None if nothing is kept for it, or a trial gave none."""
        if self.bench not in results:
            return None
        values = list(self.values(results[self.bench]))
        if not values or None in values:
            return None
        worst = min if self.bound == "at least" else max
        return worst(value for value in values if value is not None)

    def is_met(self, reached: float) -> bool:
        """Return whether a value is good enough."""
        return reached >= self.wanted if self.bound == "at least" else reached <= self.wanted


def _use(result: Result) -> Iterator[float | None]:
    return (row.median("use") for row in _rows(result, "relay"))


def _lead_in(
    payload: str, over: Collection[str] = ()
) -> Callable[[Result], Iterator[float | None]]:
    def leads(result: Result) -> Iterator[float | None]:
        for row in result.rows:
            is_peer = row.contender not in ("relay", *_FLOORS)
            if row.cell["payload"] == payload and (row.contender in over if over else is_peer):
                yield result.lead(row)

    return leads


def _wait_of_allowed(result: Result) -> Iterator[float | None]:
    for row in _rows(result, "relay"):
        if row.cell["who"] == "new sales behind products":
            p99 = row.median("p99")
            yield p99 and p99 / (2_000 / float(row.cell["rate"]) + LATENCY_MS + 25)


def _put_of_push(result: Result) -> Iterator[float | None]:
    floors = (row for row in _rows(result, "lpush") if row.cell["callers"] == 1)
    return (result.lead(row, "relay-put") for row in floors)


def _memory(result: Result) -> Iterator[float | None]:
    return (row.median("memory") for row in _rows(result, "relay"))


def _claims_grow(result: Result) -> Iterator[float | None]:
    for row in _rows(result, "relay"):
        if row.cell["items"] == _CLAIMS_AT:
            many, few = row.median("claim p99"), row.median("claim p99 at 1,000")
            yield many and few and many / few


def _rows(result: Result, contender: str) -> Iterator[Row]:
    return (row for row in result.rows if row.contender == contender)


GOALS: Sequence[Goal] = (
    Goal("use of the allowed rate, in every cell", "efficiency", "at least", 0.98, _use),
    Goal("sales/s / those of the best peer", "drain", "at least", 1.3, _lead_in("sales")),
    Goal(
        "sales/s / those of the bare httpx loop",
        "drain",
        "at least",
        0.8,
        _lead_in("sales", ("httpx-loop",)),
    ),
    Goal("products/s / those of the best peer", "drain", "at least", 20, _lead_in("products")),
    Goal(
        "products/s / those of the best peer given ready-made batches",
        "drain",
        "at least",
        1.5,
        _lead_in("products in ready-made batches"),
    ),
    Goal(
        "a new sale's p99 wait / (2/R + latency + 25 ms)",
        "order-under-load",
        "at most",
        1,
        _wait_of_allowed,
    ),
    Goal(
        "a put alone / an LPUSH of the same size (p50)",
        "enqueue",
        "at most",
        2,
        _put_of_push,
    ),
    Goal("bytes of Redis for each payload byte", "import", "at most", 1.25, _memory),
    Goal("claim p99 with 1,000,000 pending / with 1,000", "import", "at most", 1.2, _claims_grow),
)
