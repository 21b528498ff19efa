"""What a catalogue costs: to put it, to hold it, to claim from it, to send it."""

import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.contender import Arena, Shop, TrialError, arena
from tests.benchmarks.open_loop import percentile
from tests.benchmarks.payloads import BYTES, Load
from tests.benchmarks.results import Figure
from tests.benchmarks.watch import watch

from onport_queue.broker import connect
from onport_queue.flight import Delivered, Gate, Granted, Settlement
from onport_queue.names import Lane
from onport_queue.store import Queue

_RATE = 50.0
_CONCURRENCY = 16
_FEW = 1_000
_BATCH = 50
_CLAIMS = {"full": 1_000, "quick": 300, "smoke": 20}
_SECONDS = {"full": 3.0, "quick": 5.0, "smoke": 1.0}
_MOST_ITEMS_OF_PEERS = 100_000
_GATE = Gate(rate=1e6)


@dataclass(frozen=True, slots=True)
class Cell:
    """How many products, of 1 KB."""

    items: int


def _cells(extent: Extent) -> Sequence[Cell]:
    many = {"full": (100_000, 1_000_000), "quick": (50_000,), "smoke": (2_000,)}
    return [Cell(items) for items in many[extent]]


def _contenders(cell: Cell) -> Sequence[str]:
    if cell.items > _MOST_ITEMS_OF_PEERS:
        return ("relay",)
    return ("relay", "celery", "dramatiq")


def _measure(trial: Trial[Cell]) -> Figures:
    items = trial.cell.items
    figures: dict[str, float] = {}
    with arena({}) as here:
        setup = here.setup(rate=_RATE, concurrency=_CONCURRENCY)
        with trial.contender.publishing(here, setup) as shop:
            empty = _used_memory(here)
            seconds = shop.many(Load(what="product", jobs=items, seed=trial.seed))
            figures["put"] = items / seconds
            figures["memory"] = (_used_memory(here) - empty) / items / BYTES
            if trial.contender.name == "relay":
                figures |= _claim_p99s_ms(_Backlog(here, shop, items), trial)
        with trial.contender.working(here, setup) as workers:
            seen = watch(here, workers, jobs=items, warm_up_s=0.5, seconds=_SECONDS[trial.extent])
    figures["drain"] = items / (seen.items / seen.period.seconds) / 60
    return figures


def _used_memory(here: Arena) -> int:
    with here.redis as redis:
        return int(redis.info("memory")["used_memory"])


class _Backlog:
    """Products that are pending, always as many, and claimed fifty at a time."""

    def __init__(self, here: Arena, shop: Shop, pending: int) -> None:
        self._redis = connect(here.broker_url)
        self._queue = Queue(self._redis)
        self._shop = shop
        self._put = pending
        self._queue.look([Lane.LOW])

    def claim_ms(self, seed: int) -> float:
        """Claim once; return what that took. What was claimed is delivered, and more is put."""
        began = time.perf_counter()
        claim = self._queue.claim(Lane.LOW, _GATE, os.urandom(8).hex())
        took_ms = (time.perf_counter() - began) * 1000
        if not isinstance(claim, Granted):
            raise TrialError(f"a claim: {claim}, expected one that is granted")
        self._queue.settle(claim.lease, Settlement([Delivered() for _ in claim.items]))
        self._shop.many(Load(what="product", jobs=_BATCH, first=self._put, seed=seed))
        self._put += _BATCH
        return took_ms

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()


def _claim_p99s_ms(many: _Backlog, trial: Trial[Cell]) -> Figures:
    # In turns with another broker that holds few: what else the machine does meets both alike.
    with arena({}) as here, trial.contender.publishing(here, here.setup()) as shop:
        shop.many(Load(what="product", jobs=_FEW, seed=trial.seed))
        with closing(many), closing(_Backlog(here, shop, _FEW)) as few:
            claims = range(_CLAIMS[trial.extent])
            took = [(many.claim_ms(trial.seed), few.claim_ms(trial.seed)) for _ in claims]
    of_many, of_few = (percentile(sorted(times), 99) for times in zip(*took, strict=True))
    return {"claim p99": of_many, "claim p99 at 1,000": of_few}


def _seconds(extent: Extent, cell: Cell) -> float:
    per_s = 7_000 if cell.items <= _MOST_ITEMS_OF_PEERS else 32_000
    claiming_s = _CLAIMS[extent] / 150 if cell.items > _MOST_ITEMS_OF_PEERS else 0
    return 4 + cell.items / per_s + claiming_s + _SECONDS[extent]


BENCH = Bench(
    name="import",
    question="What a catalogue costs whose products have 1 KB: how fast it is put by one "
    "process, what Redis holds for each payload byte, how long a claim of 50 takes with so many "
    f"pending and with 1,000, and how long it takes at R = {_RATE:g} to send all of it (at the "
    "pace of the first seconds). `appendfsync everysec`. With more than "
    f"{_MOST_ITEMS_OF_PEERS:,} there is the relay only: the others' lists and streams take each "
    "message alike, however many there are, and publishing them takes minutes. arq and taskiq, "
    "which publish one by one, are in `enqueue`.",
    figures=(
        Figure(name="put", unit="items/s", meaning="by one process", better="more"),
        Figure(
            name="memory", unit="bytes", meaning="of Redis for each payload byte", better="less"
        ),
        Figure(name="claim p99", unit="ms", meaning="with all pending", better="less"),
        Figure(name="claim p99 at 1,000", unit="ms", meaning="with few pending", better="less"),
        Figure(name="drain", unit="min", meaning="to send all of it", better="less"),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
)
