from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.benchmarks.results import Entrant, Figure, Machine, Result, Row, load, save

_MACHINE = Machine(
    processor="P",
    cores=2,
    memory_gb=8,
    kernel="Linux 6",
    python="CPython 3.11",
    valkey="9",
    load=0.1,
)
_ENTRANTS = tuple(
    Entrant(name=name, title=name, setup="", versions={}) for name in ("relay", "celery")
)


def row(contender: str, *values: float | None, cell: str = "c") -> Row:
    return Row(contender=contender, cell={"payload": cell}, values={"speed": values})


def result(*rows: Row, bench: str = "drain") -> Result:
    return Result(
        bench=bench,
        question="How fast?",
        extent="full",
        date="2026-01-01",
        relay="0.1.0",
        runs=3,
        seed=1,
        seconds=60,
        machine=_MACHINE,
        figures=(Figure(name="speed", unit="/s", meaning="m", better="more"),),
        entrants=_ENTRANTS,
        rows=rows,
    )


def test_the_median_leaves_out_runs_that_failed() -> None:
    assert row("relay", 1.0, None, 3.0, 100.0).median("speed") == 3.0


def test_a_row_without_any_value_has_no_median() -> None:
    assert row("relay", None).median("speed") is None


def test_the_lead_is_the_median_of_the_ratios_of_each_run() -> None:
    ours, theirs = row("relay", 10.0, 40.0, 30.0), row("celery", 10.0, 10.0, 15.0)

    assert result(ours, theirs).lead(theirs) == 2.0


def test_runs_that_one_of_both_failed_in_are_not_paired() -> None:
    ours, theirs = row("relay", 10.0, None, 90.0), row("celery", None, 20.0, 30.0)

    assert result(ours, theirs).lead(theirs) == 3.0


def test_the_relay_does_not_lead_itself() -> None:
    ours = row("relay", 1.0)

    assert result(ours).lead(ours) is None


def test_a_result_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    kept = result(row("relay", 1.0, None, 2.5), row("celery", 1.0, 2.0, 3.0))

    save(kept, tmp_path)

    assert load(tmp_path) == {"drain": kept}


def test_a_file_with_a_field_that_is_unknown_is_refused(tmp_path: Path) -> None:
    text = save(result(), tmp_path).read_text()
    (tmp_path / "drain.json").write_text(text.replace('"seed"', '"sead"'))

    with pytest.raises(ValidationError, match="sead"):
        load(tmp_path)


def test_cells_are_told_once_in_their_order() -> None:
    rows = [row(who, 1.0, cell=cell) for cell in ("b", "a") for who in ("relay", "celery")]

    assert [cell["payload"] for cell in result(*rows).cells()] == ["b", "a"]
