"""What a checkout waits for until its sale is kept."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.contender import arena
from tests.benchmarks.open_loop import percentile
from tests.benchmarks.payloads import Load
from tests.benchmarks.results import Figure

_CALLS = {"full": 1_000, "quick": 2_000, "smoke": 200}
_WARM_UP = 100


@dataclass(frozen=True, slots=True)
class Cell:
    """How many call at the same time, and when the broker's log reaches the disk."""

    callers: int
    fsync: Literal["always", "everysec"]


def _cells(extent: Extent) -> Sequence[Cell]:
    if extent != "full":
        return [Cell(1, "always")]
    return [Cell(callers, fsync) for fsync in ("always", "everysec") for callers in (1, 8)]


def _contenders(_: Cell) -> Sequence[str]:
    return ("relay", "relay-put", "celery", "dramatiq", "arq", "taskiq", "lpush")


def _measure(trial: Trial[Cell]) -> Figures:
    calls, seed = _CALLS[trial.extent], trial.seed
    with (
        arena({}, appendfsync=trial.cell.fsync) as here,
        trial.contender.publishing(here, here.setup()) as shop,
    ):
        shop.time(Load(what="sale", jobs=_WARM_UP, lane="high", seed=seed), trial.cell.callers)
        load = Load(what="sale", jobs=calls, first=_WARM_UP, lane="high", seed=seed)
        took_ms = sorted(shop.time(load, trial.cell.callers))
    return {"p50": statistics.median(took_ms), "p99": percentile(took_ms, 99)}


def _seconds(extent: Extent, _: Cell) -> float:
    return 1 + _CALLS[extent] / 2_000


BENCH = Bench(
    name="enqueue",
    question="How long the call takes that puts a new sale of 1 KB, by so many callers at the same "
    "time: create_sale, apply_async, send, enqueue_job, kiq; threads, or where the client is "
    "asynchronous tasks of one loop. No worker runs, so that all but the "
    "first find a backlog. The floor is an LPUSH of the same size.",
    figures=(
        Figure(name="p50", unit="ms", meaning="median", better="less"),
        Figure(name="p99", unit="ms", meaning="99 % take no longer", better="less"),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
)
