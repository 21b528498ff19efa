from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest
from tests.benchmarks.bench import Bench, Extent, Figures, Plan, Trial
from tests.benchmarks.contender import Arena, Shop, TrialError
from tests.benchmarks.peers.setup import Setup
from tests.benchmarks.results import Figure
from tests.benchmarks.rounds import run

from onport_queue.clock import SystemClock


@dataclass(frozen=True)
class Cell:
    size: int


@dataclass(frozen=True)
class Nobody:
    name: str

    @property
    def title(self) -> str:
        return self.name.title()

    @property
    def setup_text(self) -> str:
        return "none"

    def versions(self) -> Mapping[str, str]:
        return {"package": "1"}

    def publishing(self, arena: Arena, setup: Setup) -> AbstractContextManager[Shop]:
        raise NotImplementedError

    def working(self, arena: Arena, setup: Setup) -> AbstractContextManager[Collection[int]]:
        raise NotImplementedError


@dataclass
class Recorded:
    """Measures nothing, and remembers who was asked."""

    failing: str = ""
    error: Exception | None = None
    trials: list[tuple[str, int, int]] = field(default_factory=list)

    def __call__(self, trial: Trial[Cell]) -> Figures:
        self.trials.append((trial.contender.name, trial.cell.size, trial.seed))
        if trial.contender.name == self.failing and trial.seed == 8:
            raise self.error or TrialError("it hung")
        return {"speed": float(trial.cell.size * trial.seed)}


def bench(measure: Recorded, sizes: Sequence[int] = (1, 2)) -> Bench[Cell]:
    def cells(_: Extent) -> Sequence[Cell]:
        return [Cell(size) for size in sizes]

    return Bench(
        name="b",
        question="?",
        figures=(Figure(name="speed", unit="/s", meaning="m", better="more"),),
        cells=cells,
        contenders=lambda _: ("relay", "celery", "absent"),
        measure=measure,
        seconds=lambda *_: 1.0,
        limit=lambda cell: {"speed": 100.0 * cell.size},
    )


PLAN = Plan(
    extent="full",
    runs=2,
    seed=7,
    contenders={name: Nobody(name) for name in ("celery", "relay")},
)


def test_in_each_run_everybody_takes_a_turn_in_every_cell_with_its_seed() -> None:
    measure = Recorded()

    run(bench(measure), PLAN, SystemClock())

    one_run = [("relay", 1), ("celery", 1), ("relay", 2), ("celery", 2)]
    assert measure.trials == [(*turn, seed) for seed in (7, 8) for turn in one_run]


def test_a_row_holds_the_values_of_all_runs_in_order() -> None:
    result = run(bench(Recorded()), PLAN, SystemClock())

    row = result.row("celery", {"size": 2})
    assert row is not None
    assert row.values == {"speed": (14.0, 16.0)}


def test_a_trial_that_fails_is_told_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = run(bench(Recorded(failing="celery")), PLAN, SystemClock())

    failed, other = result.row("celery", {"size": 1}), result.row("relay", {"size": 2})
    assert failed is not None
    assert other is not None
    assert failed.values == {"speed": (7.0, None)}
    assert failed.failures == ("run 2: it hung",)
    assert other.values == {"speed": (14.0, 16.0)}
    assert "FAILED it hung" in capsys.readouterr().err


def test_an_error_that_nobody_expected_fails_its_trial_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    measure = Recorded(failing="celery", error=ZeroDivisionError("by nothing"))

    result = run(bench(measure), PLAN, SystemClock())

    failed = result.row("celery", {"size": 1})
    assert failed is not None
    assert failed.failures == ("run 2: ZeroDivisionError",)
    assert len(measure.trials) == 8
    assert "by nothing" in capsys.readouterr().err


def test_the_limit_is_a_row_of_every_cell() -> None:
    result = run(bench(Recorded()), PLAN, SystemClock())

    limits = [row for row in result.rows if row.contender == "limit"]
    assert [row.values["speed"] for row in limits] == [(100.0, 100.0), (200.0, 200.0)]


def test_a_result_names_everybody_with_versions() -> None:
    result = run(bench(Recorded()), PLAN, SystemClock())

    assert [entrant.name for entrant in result.entrants] == ["relay", "celery", "limit"]
    assert result.entrants[0].versions == {"package": "1"}
