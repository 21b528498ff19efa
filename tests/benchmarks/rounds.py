"""How a bench is run: run after run, everybody in every cell."""

import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.bench import Bench, Figures, Plan, Trial, entrants, label
from tests.benchmarks.contender import Contender, TrialError
from tests.benchmarks.machine import machine, relay_version
from tests.benchmarks.results import Entrant, Result, Row
from tests.benchmarks.together import Start, together

from onport_queue.clock import Clock

_LIMIT = Entrant(name="limit", title="Theoretical limit", setup="computed", versions={})


def run(bench: Bench[Any], plan: Plan, clock: Clock) -> Result:
    """Run a bench: in each run every contender takes its turn in every cell, so ratios are paired.

    A trial that fails is a row without a value and a reason; the others go on.
    """
    began, date, facts = clock.monotonic_s(), clock.wall().date(), machine()
    batches = [
        [_Sheet(plan.contenders[name], cell) for name in names]
        for cell in bench.cells(plan.extent)
        for names in _batches(entrants(bench, cell, plan.contenders), bench.at_once(cell))
    ]
    sheets = [sheet for batch in batches for sheet in batch]
    who = {sheet.contender.name: sheet.contender for sheet in sheets}
    took_part = tuple(map(_entrant, who.values()))
    with TemporaryDirectory(prefix="onport-relay-bench-") as scratch:
        for number in range(plan.runs):
            for batch in batches:
                _run_batch(bench, plan, batch, plan.seed + number, Path(scratch))
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
        entrants=(*took_part, *([_LIMIT] if bench.limit else [])),
        rows=(*(sheet.row(bench) for sheet in sheets), *_limits(bench, plan)),
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a trial: figures, or the reason why there are none."""

    figures: Figures | None
    reason: str = ""
    log: str = ""


class _Sheet:
    """What one contender did in one cell, run after run."""

    def __init__(self, contender: Contender, cell: Any) -> None:
        self.contender = contender
        self.cell = cell
        self._values: list[Figures | None] = []
        self._failures: list[str] = []

    def note(self, outcome: _Outcome) -> None:
        """Keep what a trial gave."""
        self._values.append(outcome.figures)
        if outcome.figures is None:
            self._failures.append(f"run {len(self._values)}: {outcome.reason}")

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


def _run_batch(
    bench: Bench[Any], plan: Plan, batch: Sequence[_Sheet], seed: int, scratch: Path
) -> None:
    start = Start(len(batch))
    titles = ", ".join(sheet.contender.title for sheet in batch)
    told = f"{bench.name} {label(asdict(batch[0].cell))}".strip()
    print(f"{told}: {titles} ...", file=sys.stderr, flush=True)
    work = [
        partial(
            _outcome,
            bench,
            Trial(sheet.contender, sheet.cell, seed, plan.extent, start, scratch),
        )
        for sheet in batch
    ]
    outcomes = together(work) if len(work) > 1 else [work[0]()]
    for sheet, outcome in zip(batch, outcomes, strict=True):
        sheet.note(outcome)
        if outcome.figures is None:
            failed = f"{told}: {sheet.contender.title}: FAILED {outcome.reason}"
            print(f"{failed}\n{outcome.log}", file=sys.stderr, flush=True)


def _outcome(bench: Bench[Any], trial: Trial[Any]) -> _Outcome:
    try:
        return _Outcome(bench.measure(trial))
    except TrialError as error:
        trial.start.leave()
        return _Outcome(None, str(error), error.log)
    except Exception as error:  # noqa: BLE001 - one trial must not end hours of others
        trial.start.leave()
        return _Outcome(None, type(error).__name__, traceback.format_exc())


def _batches(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), size):
        yield names[first : first + size]


def _limits(bench: Bench[Any], plan: Plan) -> Iterator[Row]:
    if bench.limit is not None:
        for cell in bench.cells(plan.extent):
            values = {name: (value,) * plan.runs for name, value in bench.limit(cell).items()}
            yield Row(contender=_LIMIT.name, cell=asdict(cell), values=values)


def _entrant(contender: Contender) -> Entrant:
    return Entrant(
        name=contender.name,
        title=contender.title,
        setup=contender.setup_text,
        versions=contender.versions(),
    )
