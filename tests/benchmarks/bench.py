"""A bench: what it asks, in which cells, of whom."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from tests.benchmarks.contender import Arena, Contender, arena
from tests.benchmarks.results import Figure
from tests.benchmarks.together import Start

Extent = Literal["full", "quick", "smoke"]
"""`full`: every cell, five runs. `quick`: one cell, one run. `smoke`: the mechanics, in seconds."""

C = TypeVar("C")
Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trial(Generic[C]):
    """One contender in one cell, once.

    Attributes:
        start: where those that run at the same time wait for each other.
        scratch: a folder of all trials of the bench, which ends with it.
    """

    contender: Contender
    cell: C
    seed: int
    extent: Extent
    start: Start
    scratch: Path

    def arena(
        self, answers: Mapping[str, Any], *, data: Path | None = None
    ) -> AbstractContextManager[Arena]:
        """Start a broker, in the folder `data` if it is given, and a sandbox."""
        return arena(answers, start=self.start, data=data)


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
        at_once: how many contenders of a cell run at the same time.
        limit: what nobody can do better than in a cell, where that can be told.
        seconds: about how long one takes, or those that run at once, with starting and stopping.
    """

    name: str
    question: str
    figures: tuple[Figure, ...]
    cells: Callable[[Extent], Sequence[C]]
    contenders: Callable[[C], Sequence[str]]
    measure: Callable[[Trial[C]], Figures]
    seconds: Callable[[Extent, C], float]
    limit: Callable[[C], Figures] | None = None
    at_once: Callable[[C], int] = lambda _: 1


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
        bench.seconds(extent, cell) * -(-len(entrants(bench, cell, names)) // bench.at_once(cell))
        for cell in bench.cells(extent)
    )


def entrants(bench: Bench[Any], cell: Any, names: Collection[str]) -> list[str]:
    """Return who of these names takes part in a cell."""
    return [name for name in bench.contenders(cell) if name in names]


def label(cell: Mapping[str, object]) -> str:
    """Return a cell in one phrase."""
    return ", ".join(_phrase(name, value) for name, value in cell.items())


def _phrase(name: str, value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    unit = " ms" if name.endswith("_ms") else ""
    return f"{name.removesuffix('_ms')} {value:,g}{unit}"
