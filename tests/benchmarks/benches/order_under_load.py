"""How long a new sale waits behind a catalogue, and the low lane behind new sales."""

import random
import shutil
import statistics
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.benches.drain import BATCH
from tests.benchmarks.contender import Arena, Shop, TrialError
from tests.benchmarks.open_loop import percentile
from tests.benchmarks.payloads import Load
from tests.benchmarks.results import Figure
from tests.benchmarks.watch import await_first, watch

from onport_queue.clock import SystemClock

_RATES = (10.0, 50.0)
LATENCY_MS = 50.0
_PRODUCTS = {"full": 100_000, "quick": 20_000, "smoke": 500}
_SALES = {"full": 110, "quick": 60, "smoke": 5}
_MOST_S = 44.0
"""Of sales: at a low rate there are fewer."""
_GAP_TOKENS = 4.0
"""So many tokens' time between two sales on average: they take a quarter of the rate."""
_SATURATED_S = {"full": 15.0, "quick": 20.0, "smoke": 2.0}
_PEERS = ("celery", "celery-bucket", "dramatiq", "arq", "taskiq")
_ARRIVES_WITHIN_S = 60.0
_STARTS_S = 12.0
_FIRST_SALE = 1_000_000
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Cell:
    """The allowed rate, and whose wait is measured."""

    rate: float
    who: Literal["new sales behind products", "low lane behind new sales"]

    @property
    def in_flight(self) -> int:
        """Requests in flight at that rate, and a few more: more would only wait for tokens."""
        return round(self.rate * LATENCY_MS / 1000 * 1.25) + 4


def _cells(extent: Extent) -> Sequence[Cell]:
    if extent != "full":
        return [Cell(50.0, "new sales behind products")]
    sales = [Cell(rate, "new sales behind products") for rate in _RATES]
    return [*sales, *(Cell(rate, "low lane behind new sales") for rate in _RATES)]


def _contenders(_: Cell) -> Sequence[str]:
    return ("relay", *_PEERS)


def _at_once(cell: Cell) -> int:
    if cell.rate <= min(_RATES):
        return 1 + len(_PEERS)
    return 3


def _measure(trial: Trial[Cell]) -> Figures:
    if trial.cell.who == "new sales behind products":
        waits_ms = _waits_of_sales_ms(trial)
    else:
        waits_ms = _waits_of_products_ms(trial)
    waits_ms.sort()
    if not waits_ms:
        return {}
    return {
        "p50": statistics.median(waits_ms),
        "p99": percentile(waits_ms, 99),
        "max": waits_ms[-1],
    }


def _waits_of_sales_ms(trial: Trial[Cell]) -> list[float]:
    kept = _backlog(trial)
    trial.start.await_others()
    with TemporaryDirectory(dir=trial.scratch) as copy:
        data = Path(copy) / "broker"
        shutil.copytree(kept, data)
        with trial.arena({"latency_ms": LATENCY_MS}, data=data) as here:
            setup = here.setup(**_conditions(trial.cell))
            with (
                trial.contender.publishing(here, setup) as shop,
                trial.contender.working(here, setup),
            ):
                return _sale_waits_ms(here, shop, trial)


def _backlog(trial: Trial[Cell]) -> Path:
    """Return a broker's folder with the products pending; publishing them takes a peer a minute.

    So each does it once, and every trial starts from a copy.
    """
    kept = trial.scratch / trial.contender.name
    if not kept.exists():
        data = kept.with_suffix(".part")
        shutil.rmtree(data, ignore_errors=True)  # of a run that failed
        with trial.arena({}, data=data) as here:
            setup = here.setup(**_conditions(trial.cell))
            with trial.contender.publishing(here, setup) as shop:
                shop.many(Load(what="product", jobs=_PRODUCTS[trial.extent], seed=trial.seed))
        data.rename(kept)
    return kept


def _waits_of_products_ms(trial: Trial[Cell]) -> list[float]:
    seconds = _SATURATED_S[trial.extent]
    requests = round(trial.cell.rate * (seconds + _STARTS_S))
    products = requests * BATCH // 8
    with trial.arena({"latency_ms": LATENCY_MS}) as here:
        setup = here.setup(**_conditions(trial.cell))
        with trial.contender.publishing(here, setup) as shop:
            shop.many(Load(what="sale", jobs=requests, lane="high", seed=trial.seed))
            shop.many(Load(what="product", jobs=products, seed=trial.seed))
        trial.start.await_others()
        with trial.contender.working(here, setup) as workers:
            return _low_waits_ms(here, workers, requests + products, seconds)


def _conditions(cell: Cell) -> Mapping[str, Any]:
    return {"rate": cell.rate, "concurrency": cell.in_flight, "lanes": True}


def _sale_waits_ms(here: Arena, shop: Shop, trial: Trial[Cell]) -> list[float]:
    chance, never = random.Random(trial.seed), threading.Event()
    await_first(here)
    called_at: dict[str, float] = {}
    for number in range(_FIRST_SALE, _FIRST_SALE + _sales(trial.extent, trial.cell)):
        # At any moment, not when a token has just been used.
        _CLOCK.wait(never, chance.uniform(0, 2 * _GAP_TOKENS / trial.cell.rate))
        load = Load(what="sale", jobs=1, first=number, lane="high", seed=trial.seed)
        called_at[f"S-{number:08d}"] = shop.one(load)
    patient_until = _CLOCK.monotonic_s() + _ARRIVES_WITHIN_S
    while len(arrived := _arrivals(here)) < len(called_at):
        if _CLOCK.monotonic_s() > patient_until:
            missing = len(called_at) - len(arrived)
            raise TrialError(
                f"{missing} of {len(called_at)} new sales had not arrived "
                f"{_ARRIVES_WITHIN_S:g} s after the last was put"
            )
        _CLOCK.wait(never, 0.5)
    return [(arrived[key] - moment) * 1000 for key, moment in called_at.items()]


def _sales(extent: Extent, cell: Cell) -> int:
    return min(_SALES[extent], round(_MOST_S * cell.rate / _GAP_TOKENS))


def _arrivals(here: Arena) -> Mapping[str, float]:
    return {
        receipt.items[0].key or "": receipt.at
        for receipt in reversed(list(here.sandbox.receipts()))
        if receipt.kind == "sale" and receipt.applied
    }


def _low_waits_ms(
    here: Arena, workers: Collection[int], requests: int, seconds: float
) -> list[float]:
    seen = watch(here, workers, jobs=requests, warm_up_s=1.0, seconds=seconds)
    moments = [receipt.started for receipt in seen.receipts if receipt.kind == "product"]
    if not moments:
        return []  # how long it would have waited is not known
    within = [seen.period.began, *moments, seen.period.ended]
    return [(later - earlier) * 1000 for earlier, later in pairwise(within)]


def _limit(cell: Cell) -> Figures:
    token_ms = 1000 / cell.rate
    if cell.who == "new sales behind products":
        return {"p50": token_ms / 2, "p99": token_ms * 0.99, "max": token_ms}
    return {"p50": token_ms * 10, "p99": token_ms * 10, "max": token_ms * 10}


def _seconds(extent: Extent, cell: Cell) -> float:
    starts_s = 2.5 + _at_once(cell) * 1.2
    if cell.who == "low lane behind new sales":
        return starts_s + _SATURATED_S[extent]
    # Published once for all runs of all cells; a broker reads its copy when it starts.
    backlog_s = _PRODUCTS[extent] / (10_000 if extent == "full" else 4_000)
    return starts_s + backlog_s + _sales(extent, cell) * _GAP_TOKENS / cell.rate


BENCH = Bench(
    name="order-under-load",
    question="How long a new sale waits, from the call that puts it to its arrival at the "
    f"endpoint, while {_PRODUCTS['full']:,} products are pending at the allowed rate; and what "
    "passes between two requests of the low lane while the high one always has work. The limit is "
    "the next token, and for the low lane its tenth share; a dash: nothing of the low lane was "
    f"sent in {_SATURATED_S['full']:g} s. That everything else yields to new sales in the bucket "
    "in Redis is our rule: the peers that use it have none. Each contender publishes its products "
    "once, and every trial starts from a copy of that broker's data. All contenders run at the "
    f"same time at R = {min(_RATES):g}, else three at a time.",
    figures=(
        Figure(name="p99", unit="ms", meaning="99 % wait no longer", better="less"),
        Figure(name="p50", unit="ms", meaning="median wait", better="less"),
        Figure(name="max", unit="ms", meaning="longest wait", better="less"),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
    limit=_limit,
    at_once=_at_once,
)
