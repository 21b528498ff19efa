"""What more worker processes bring."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.contender import arena
from tests.benchmarks.payloads import Load
from tests.benchmarks.results import Figure
from tests.benchmarks.watch import delivered

_LATENCY_MS = 50.0
_CONCURRENCY = 8
_WARM_UP_S = {"full": 1.0, "quick": 2.0, "smoke": 0.3}
_STARTS_A_PROCESS_S = {"full": 1.0, "quick": 0.0, "smoke": 0.0}
"""The last process may be so much later than the first for each that there is."""
_SECONDS = {"full": 2.5, "quick": 6.0, "smoke": 1.0}
_STARTS_S = 2.0
"""What may be sent before the relay is watched, whose processes have all started by then."""
_MOST_PER_S = 1_250.0
"""Of all contenders; a machine that does more has its jobs done sooner."""


@dataclass(frozen=True, slots=True)
class Cell:
    """How many worker processes."""

    processes: int


def _cells(extent: Extent) -> Sequence[Cell]:
    return [Cell(processes) for processes in ((1, 2, 4, 8) if extent == "full" else (2,))]


def _contenders(_: Cell) -> Sequence[str]:
    return ("relay", "celery")


def _measure(trial: Trial[Cell]) -> Figures:
    jobs = _jobs(trial.extent, trial.cell)
    with arena({"latency_ms": _LATENCY_MS}) as here:
        setup = here.setup(processes=trial.cell.processes, concurrency=_CONCURRENCY)
        load = Load(what="sale", jobs=jobs, lane="high", seed=trial.seed)
        seen = delivered(
            trial.contender,
            here,
            setup,
            load,
            requests=jobs,
            warm_up_s=_warm_up_s(trial.extent, trial.cell),
            seconds=_SECONDS[trial.extent],
        )
    return {
        "requests/s": seen.accepted / seen.period.seconds,
        "CPU": (seen.worker_cpu_s + seen.broker_cpu_s) * 1000 / seen.accepted,
    }


def _jobs(extent: Extent, cell: Cell) -> int:
    per_s = min(_MOST_PER_S, _limit_per_s(cell))
    return round(per_s * (_STARTS_S + _warm_up_s(extent, cell) + _SECONDS[extent]))


def _warm_up_s(extent: Extent, cell: Cell) -> float:
    return _WARM_UP_S[extent] + _STARTS_A_PROCESS_S[extent] * cell.processes


def _limit_per_s(cell: Cell) -> float:
    return cell.processes * _CONCURRENCY / (_LATENCY_MS / 1000)


def _limit(cell: Cell) -> Figures:
    return {"requests/s": _limit_per_s(cell)}


def _seconds(extent: Extent, cell: Cell) -> float:
    starts_s = 1 + cell.processes / 3 + _jobs(extent, cell) / 4_000
    return starts_s + _warm_up_s(extent, cell) + _SECONDS[extent]


BENCH = Bench(
    name="scale",
    question=f"Requests/s of more worker processes, each with {_CONCURRENCY} requests in flight, "
    f"at an endpoint that answers after {_LATENCY_MS:g} ms. The limit is what is in flight / "
    "latency; the machine's processors, which endpoint and broker share, end it sooner. Of the "
    "others only Celery takes part: what each can do in one process is under drain.",
    figures=(
        Figure(name="requests/s", unit="", meaning="accepted requests", better="more"),
        Figure(name="CPU", unit="ms", meaning="of workers and broker, a request", better="less"),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
    limit=_limit,
)
