"""How well a limit is used that nobody tells and that moves."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.bench import Bench, Extent, Figures, Trial
from tests.benchmarks.payloads import Load
from tests.benchmarks.results import Figure
from tests.benchmarks.watch import Watched, watch

_CEILING = 62.5
_LATENCY_MS = 20.0
_BURST = 5.0
_CONCURRENCY = 16
_WARM_UP_S = {"full": 12.0, "quick": 10.0, "smoke": 1.0}
_SECONDS = {"full": 15.0, "quick": 15.0, "smoke": 1.0}
"""Of each limit: it must last for somebody to learn it."""
_STARTS_S = 12.0
_ALL = ("relay", "celery", "celery-bucket", "dramatiq", "arq", "taskiq")


@dataclass(frozen=True, slots=True)
class Cell:
    """The limits that the endpoint has, one after the other, for equal times."""

    limits: str

    @property
    def in_turn(self) -> tuple[float, ...]:
        """The limits, in requests/s."""
        return tuple(float(limit) for limit in self.limits.split("/s")[0].split(", "))


_STEADY, _MOVING = Cell("25/s"), Cell("10, 40, 10, 40/s")


def _cells(extent: Extent) -> Sequence[Cell]:
    return [_STEADY, _MOVING] if extent == "full" else [_MOVING]


def _contenders(_: Cell) -> Sequence[str]:
    return _ALL


def _at_once(_: Cell) -> int:
    return len(_ALL)


def _measure(trial: Trial[Cell]) -> Figures:
    warm_up_s, seconds = _WARM_UP_S[trial.extent], _SECONDS[trial.extent]
    limits = trial.cell.in_turn
    jobs = round(_CEILING * (warm_up_s + seconds * len(limits) + _STARTS_S))
    answers = {
        "rate": limits[0],
        "burst": _BURST,
        "retry_after": "seconds",
        "latency_ms": _LATENCY_MS,
    }
    seen: list[Watched] = []
    with trial.arena(answers) as here:
        setup = here.setup(rate=_CEILING, concurrency=_CONCURRENCY)
        with trial.contender.publishing(here, setup) as shop:
            shop.many(Load(what="sale", jobs=jobs, lane="high", seed=trial.seed))
        with trial.contender.working(here, setup) as workers:
            for number, limit in enumerate(limits):
                here.sandbox.configure(rate=limit)
                seen.append(
                    watch(
                        here,
                        workers,
                        jobs=jobs,
                        warm_up_s=0.0 if number else warm_up_s,
                        seconds=seconds,
                        may_pause=True,
                    )
                )
    requests = sum(len(one.receipts) for one in seen)
    accepted = sum(one.accepted for one in seen)
    allowed = sum(limit * one.period.seconds for limit, one in zip(limits, seen, strict=True))
    return {"use": accepted / allowed, "refused": (requests - accepted) / max(1, requests)}


def _seconds(extent: Extent, cell: Cell) -> float:
    warm_up_s, seconds = _WARM_UP_S[extent], _SECONDS[extent]
    return 6 + warm_up_s + seconds * len(cell.in_turn)


BENCH = Bench(
    name="adapt",
    question="How well a limit is used that the endpoint has and does not tell: it answers 429 and "
    f"Retry-After above it. Everybody may send {_CEILING:g}/s; a limit lasts for "
    f"{_SECONDS['full']:g} s, the first one {_WARM_UP_S['full']:g} s longer; these are not "
    "measured: whoever learns it does so then. All contenders run at the same time, each with a "
    "broker and an endpoint of its own.",
    figures=(
        Figure(name="use", unit="", meaning="accepted requests / (limit x time)", better="more"),
        Figure(name="refused", unit="", meaning="requests answered 429 / all", better="less"),
    ),
    cells=_cells,
    contenders=_contenders,
    measure=_measure,
    seconds=_seconds,
    at_once=_at_once,
)
