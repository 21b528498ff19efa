"""A bench: what it asks, in which cells, of whom; and how it is run."""

import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, Literal, TypeVar

from tests.benchmarks.contender import Contender, TrialError
from tests.benchmarks.machine import machine, relay_version
from tests.benchmarks.results import Entrant, Figure, Result, Row

from onport_queue.clock import Clock

Extent = Literal["full", "quick", "smoke"]
"""`full`: every cell, five runs. `quick`: one cell, one run. `smoke`: the mechanics, in seconds."""

_LIMIT = Entrant(name="limit", title="Theoretical limit", setup="computed", versions={})

C = TypeVar("C")
Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trial(Generic[C]):
    """One contender in one cell, once."""

    contender: Contender
    cell: C
    seed: int
    extent: Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench(Generic[C]):
    """One question.

    Attributes:
        name: on the command line, and of its file of results.
        question: what it measures, for the page.
        figures: what a trial gives.
        cells: by extent; each a frozen dataclass of plain values.
        contenders: the names of who takes part in a cell, the relay first.
        measure: runs a trial.
        limit: what nobody can do better than in a cell, where that can be told.
        seconds: about how long one takes, with starting and stopping.
    """

    name: str
    question: str
    figures: tuple[Figure, ...]
    cells: Callable[[Extent], Sequence[C]]
    contenders: Callable[[C], Sequence[str]]
    measure: Callable[[Trial[C]], Figures]
    seconds: Callable[[Extent, C], float]
    limit: Callable[[C], Figures] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How benches are run: to which extent, how often, by whom."""

    extent: Extent
    runs: int
    seed: int
    contenders: Mapping[str, Contender]


def planned_s(bench: Bench[Any], extent: Extent, runs: int, names: Collection[str]) -> float:
    """Return about how many seconds a bench takes with these contenders."""
    return runs * sum(
        bench.seconds(extent, cell) * len(_entrants(bench, cell, names))
        for cell in bench.cells(extent)
    )


def run(bench: Bench[Any], plan: Plan, clock: Clock) -> Result:
    """Run a bench: in each run every contender takes its turn in every cell, so ratios are paired.

    A trial that fails is a row without a value and a reason; the others go on.
    """
    began, date, facts = clock.monotonic_s(), clock.wall().date(), machine()
    sheets = [
        _Sheet(plan.contenders[name], cell)
        for cell in bench.cells(plan.extent)
        for name in _entrants(bench, cell, plan.contenders)
    ]
    names = {sheet.contender.name: sheet.contender for sheet in sheets}
    entrants = tuple(map(_entrant, names.values()))
    for number in range(plan.runs):
        for sheet in sheets:
            trial = Trial(sheet.contender, sheet.cell, plan.seed + number, plan.extent)
            sheet.note(bench, trial)
    return Result(
        bench=bench.name,
        question=bench.question,
        extent=plan.extent,
        date=date.isoformat(),
        relay=relay_version(),
        runs=plan.runs,
        seed=plan.seed,
        seconds=round(clock.monotonic_s() - began, 1),
        machine=facts,
        figures=bench.figures,
        entrants=(*entrants, *([_LIMIT] if bench.limit else [])),
        rows=(*(sheet.row(bench) for sheet in sheets), *_limits(bench, plan)),
    )


class _Sheet:
    """What one contender did in one cell, run after run."""

    def __init__(self, contender: Contender, cell: Any) -> None:
        self.contender = contender
        self.cell = cell
        self._values: list[Figures | None] = []
        self._failures: list[str] = []

    def note(self, bench: Bench[Any], trial: Trial[Any]) -> None:
        """Run a trial and keep what it gave."""
        where = f"{bench.name} {label(asdict(self.cell))}: {self.contender.title}"
        print(f"{where} ...", file=sys.stderr, flush=True)
        try:
            figures = bench.measure(trial)
        except TrialError as error:
            self._fail(where, str(error), error.log)
        except Exception as error:  # noqa: BLE001 - one trial must not end hours of others
            self._fail(where, type(error).__name__, traceback.format_exc())
        else:
            self._values.append(figures)

    def _fail(self, where: str, reason: str, log: str) -> None:
        self._values.append(None)
        self._failures.append(f"run {len(self._values)}: {reason}")
        print(f"{where}: FAILED {reason}\n{log}", file=sys.stderr, flush=True)

    def row(self, bench: Bench[Any]) -> Row:
        """Return it as it is kept."""
        names = [figure.name for figure in bench.figures]
        given = {name for values in self._values if values for name in values} or set(names)
        return Row(
            contender=self.contender.name,
            cell=asdict(self.cell),
            values={
                name: tuple(values.get(name) if values else None for values in self._values)
                for name in names
                if name in given
            },
            failures=tuple(self._failures),
        )


def label(cell: Mapping[str, object]) -> str:
    """Return a cell in one phrase."""
    return ", ".join(_phrase(name, value) for name, value in cell.items())


def _phrase(name: str, value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    unit = " ms" if name.endswith("_ms") else ""
    return f"{name.removesuffix('_ms')} {value:,g}{unit}"


def _limits(bench: Bench[Any], plan: Plan) -> Iterator[Row]:
    if bench.limit is not None:
        for cell in bench.cells(plan.extent):
            values = {name: (value,) * plan.runs for name, value in bench.limit(cell).items()}
            yield Row(contender=_LIMIT.name, cell=asdict(cell), values=values)


def _entrants(bench: Bench[Any], cell: Any, names: Collection[str]) -> list[str]:
    return [name for name in bench.contenders(cell) if name in names]


def _entrant(contender: Contender) -> Entrant:
    return Entrant(
        name=contender.name,
        title=contender.title,
        setup=contender.setup_text,
        versions=contender.versions(),
    )
