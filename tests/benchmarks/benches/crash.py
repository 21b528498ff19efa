"""What kills of workers cost: what is lost, what comes twice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tests.benchmarks import crash_comparison
from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.contender import TrialError
from tests.benchmarks.crash_comparison import Row
from tests.benchmarks.results import Figure

_RUNS: Mapping[str, Callable[[int, int, int], Row]] = {
    "relay": crash_comparison.relay,
    "celery": partial(crash_comparison.plain, pool="threads"),
    "celery-prefork": partial(crash_comparison.plain, pool="prefork"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """How many jobs, and how many kills."""

    jobs: int
    kills: int


_CELLS = {"full": Cell(3_000, 8), "quick": Cell(5_000, 6), "smoke": Cell(1_500, 1)}


def _cells(extent: Extent) -> Sequence[Cell]:
    return [_CELLS[extent]]


def _contenders(_: Cell) -> Sequence[str]:
    return tuple(_RUNS)


def _at_once(_: Cell) -> int:
    return len(_RUNS)


def _measure(trial: Trial[Cell]) -> Figures:
    try:
        row = _RUNS[trial.contender.name](trial.cell.jobs, trial.cell.kills, trial.seed)
    except AssertionError as error:
        raise TrialError(str(error)) from error
    if row.faults:
        raise TrialError(f"the account is not in order: {', '.join(row.faults)}")
    return {"lost": row.lost, "twice": row.twice, "in flight": row.in_flight, "held": row.held}


def _seconds(_: Extent, cell: Cell) -> float:
    return 25 + cell.kills * 2 + cell.jobs / 600


BENCH = Bench(
    name="crash",
    question="What becomes of the jobs when workers are killed (SIGKILL of the process group), "
    "each 20-250 ms after its first job, and the next one is started; a last one finishes. "
    "`appendfsync always`; Celery with acks_late, reject_on_worker_lost, prefetch 1 and redelivery "
    "after 10 s (plain_celery.py, in our environment), ours with leases of 10 s. Celery's jobs are "
    "single sales; of the relay's four fifths are products and links, which go in batches, so that "
    "more of them are on their way and come twice. All contenders run at the same time, each with "
    "a broker and an endpoint of its own.",
    figures=(
        Figure(name="lost", unit="jobs", meaning="never arrived, and nowhere", better="less"),
        Figure(name="twice", unit="jobs", meaning="arrivals beyond the first", better="less"),
        Figure(name="in flight", unit="jobs", meaning="on their way at the kills", better="less"),
        Figure(name="held", unit="jobs", meaning="still held at the end", better="less"),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
    at_once=_at_once,
)
