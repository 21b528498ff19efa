"""What a benchmark has found, as it is kept: one file of JSON for each."""

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent / "results"
Value = str | float | int


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(_Kept):
    """What it ran on; `load` is the load average of the minute before."""

    processor: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    valkey: str
    load: float


class Entrant(_Kept):
    """A contender as it was set up: its exact versions, and what a reader must know."""

    name: str
    title: str
    setup: str
    versions: Mapping[str, str]


class Figure(_Kept):
    """What is measured, and which way is better."""

    name: str
    unit: str
    meaning: str
    better: Literal["more", "less"]


class Row(_Kept):
    """One contender in one cell: of each figure the value of every run, in order of the runs.

    None is a run that failed; `failures` tells why.
    """

    contender: str
    cell: Mapping[str, Value]
    values: Mapping[str, tuple[float | None, ...]]
    failures: tuple[str, ...] = ()

    def median(self, figure: str) -> float | None:
        """Return the median of the runs, or None if there is no value."""
        values = [value for value in self.values.get(figure, ()) if value is not None]
        return statistics.median(values) if values else None


class Result(_Kept):
    """One bench, all its rows; `seconds` is what it took."""

    bench: str
    question: str
    extent: Literal["full", "quick", "smoke"]
    date: str
    relay: str
    runs: int
    seed: int
    seconds: float
    machine: Machine
    figures: tuple[Figure, ...]
    entrants: tuple[Entrant, ...]
    rows: tuple[Row, ...]

    def cells(self) -> Iterator[Mapping[str, Value]]:
        """Yield each cell once, in the order in which they were run."""
        seen: list[Mapping[str, Value]] = []
        for row in self.rows:
            if row.cell not in seen:
                seen.append(row.cell)
                yield row.cell

    def row(self, contender: str, cell: Mapping[str, Value]) -> Row | None:
        """Return what a contender did in a cell, if it was there."""
        found = (row for row in self.rows if row.contender == contender and row.cell == cell)
        return next(found, None)

    def lead(self, row: Row, leader: str = "relay") -> float | None:
        """Return how many times as much the leader does in a row's cell, of the first figure.

        The median of the runs' ratios, each of two values of the same run; None for its own row.
        """
        first = self.row(leader, row.cell)
        if first is None or row is first:
            return None
        figure = self.figures[0].name
        pairs = zip(first.values.get(figure, ()), row.values.get(figure, ()), strict=False)
        ratios = [ours / theirs for ours, theirs in pairs if ours is not None and theirs]
        return statistics.median(ratios) if ratios else None


def save(result: Result, folder: Path = FOLDER) -> Path:
    """Keep a result; it replaces an earlier one of the same bench."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.bench}.json"
    path.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return path


def load(folder: Path = FOLDER) -> dict[str, Result]:
    """Return the kept results by the names of their benches."""
    found = (
        Result.model_validate_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))
    )
    return {result.bench: result for result in found}
