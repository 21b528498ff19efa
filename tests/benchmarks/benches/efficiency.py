"""How much of the allowed rate is used, and how far above it a second may go."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.payloads import Load
from tests.benchmarks.results import Figure
from tests.benchmarks.watch import delivered

_RATES = (5.0, 20.0, 100.0, 300.0)
_LATENCIES_MS = (50.0, 500.0, 2_000.0)
_SECONDS = {"full": 5.0, "quick": 10.0, "smoke": 1.0}
_LEAST_REQUESTS = {"full": 100, "quick": 100, "smoke": 20}
_WARM_UP_S = {"full": 1.5, "quick": 2.0, "smoke": 0.3}
_SETTLES_S = 4.0
_MOST_THREADS = 250
"""Of one process; who needs more takes several."""
_STARTS_S = 10.0
"""What a contender may send before it is watched: jobs must last until the end."""
_AT_ONCE_UP_TO = 20.0
"""The highest rate at which all contenders together leave two processors time to spare."""
_TWO_AT_ONCE_UP_TO = 100.0
_OF_ALL_RATES_MS = 500.0
"""The latency at which everybody takes part at the rates above."""
_ALL = ("relay", "celery", "celery-bucket", "dramatiq", "arq", "taskiq", "httpx-loop")
_AT_THE_HIGHEST = ("relay", "celery-bucket", "dramatiq", "arq", "taskiq", "httpx-loop")
"""Celery's own limit uses a part of the rate even at a lower one."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The allowed rate, and what the endpoint takes to answer."""

    rate: float
    latency_ms: float

    @property
    def in_flight(self) -> int:
        """Requests in flight at that rate, and a quarter more."""
        return round(self.rate * self.latency_ms / 1000 * 1.25) + 4


def _cells(extent: Extent) -> Sequence[Cell]:
    if extent == "smoke":
        return [Cell(100.0, 50.0)]
    if extent == "quick":
        return [Cell(100.0, 500.0)]
    return [Cell(rate, latency_ms) for latency_ms in _LATENCIES_MS for rate in _RATES]


def _contenders(cell: Cell) -> Sequence[str]:
    if cell.rate > _AT_ONCE_UP_TO and cell.latency_ms != _OF_ALL_RATES_MS:
        return ("relay",)
    return _ALL if cell.rate <= _TWO_AT_ONCE_UP_TO else _AT_THE_HIGHEST


def _at_once(cell: Cell) -> int:
    if cell.rate <= _AT_ONCE_UP_TO:
        return len(_ALL)
    return 2 if cell.rate <= _TWO_AT_ONCE_UP_TO else 1


def _measure(trial: Trial[Cell]) -> Figures:
    cell = trial.cell
    seconds, warm_up_s = _window_s(trial.extent, cell)
    jobs = round(cell.rate * (seconds + warm_up_s + _STARTS_S))
    processes = -(-cell.in_flight // _MOST_THREADS)
    with trial.arena({"latency_ms": cell.latency_ms}) as here:
        setup = here.setup(
            rate=cell.rate, processes=processes, concurrency=-(-cell.in_flight // processes)
        )
        load = Load(what="sale", jobs=jobs, lane="high", seed=trial.seed)
        seen = delivered(
            trial.contender,
            here,
            setup,
            load,
            requests=jobs,
            warm_up_s=warm_up_s,
            seconds=seconds,
        )
    return {
        "use": seen.accepted / (cell.rate * seen.period.seconds),
        "worst second": seen.worst_second / cell.rate,
    }


def _window_s(extent: Extent, cell: Cell) -> tuple[float, float]:
    seconds = max(_SECONDS[extent], _LEAST_REQUESTS[extent] / cell.rate)
    # Many threads take their time to be all at work.
    settles_s = _SETTLES_S if extent == "full" and cell.rate > _TWO_AT_ONCE_UP_TO else 0.0
    return seconds, _WARM_UP_S[extent] + settles_s + cell.latency_ms / 1000


def _seconds(extent: Extent, cell: Cell) -> float:
    starts_s = 1.5 + _at_once(cell) * 0.4
    return starts_s + cell.rate / 300 + sum(_window_s(extent, cell))


BENCH = Bench(
    name="efficiency",
    question="How much of the allowed rate R is used while there is always work, and the most "
    "requests of any one second. The endpoint answers after its latency and refuses nothing, so "
    "that a contender that sends more than R shows it: use above 1 is as wrong as below. At "
    f"R <= {_AT_ONCE_UP_TO:g} all contenders run at the same time, each with a broker and an "
    "endpoint of its own, which leaves the processors time to spare; up to "
    f"R = {_TWO_AT_ONCE_UP_TO:g} two at a time, above that one by one, and there all but the relay "
    f"at {_OF_ALL_RATES_MS:g} ms only, without Celery's own limit at the highest R, to save time.",
    figures=(
        Figure(
            name="use", unit="", meaning="accepted requests / (R x elapsed); best: 1", better="more"
        ),
        Figure(
            name="worst second", unit="R", meaning="most requests in any one second", better="less"
        ),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
    at_once=_at_once,
)
