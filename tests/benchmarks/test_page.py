from pathlib import Path

from tests.benchmarks.catalogue import BENCHES
from tests.benchmarks.page import DOCS, PAGE, PICTURES, render
from tests.benchmarks.results import Figure, Row, load
from tests.benchmarks.test_results import result, row


def test_the_page_is_what_the_kept_results_give() -> None:
    files = render(load())

    kept = {PAGE, *(f"{PICTURES}/{path.name}" for path in (DOCS / PICTURES).glob("*.svg"))}
    assert kept == set(files)
    for path, text in files.items():
        assert (DOCS / path).read_text(encoding="utf-8") == text, "./relay bench --page"


def test_every_kept_result_is_of_a_bench_and_of_five_runs_at_least() -> None:
    for name, kept in load().items():
        assert name in BENCHES
        assert kept.extent == "full"
        assert kept.runs >= 5


def test_a_section_has_the_plot_the_medians_their_range_and_the_ratio() -> None:
    files = render({"drain": result(row("relay", 200, 300, 250), row("celery", 100, 100, 100))})

    assert "![drain](benchmarks/drain.svg)" in files[PAGE]
    assert "| c | relay | 250 (200 to 300) | - |" in files[PAGE]
    assert "| c | celery | 100 | 2.5 |" in files[PAGE]
    assert files["benchmarks/drain.svg"].startswith("<?xml")


def test_nothing_is_drawn_as_a_bar_too() -> None:
    # What was lost, say: of all figures the best.
    svg = render({"drain": result(row("relay", 0.0))})["benchmarks/drain.svg"]

    assert ">relay<" in svg


def test_goals_are_told_beside_what_was_reached() -> None:
    kept = result(row("relay", 1.0)).model_copy(update={"rows": ()})

    page = render({"drain": kept})[PAGE]

    assert "| sales/s / those of the best peer | drain | at least 1.3 | - | - |" in page


def test_a_goal_that_is_missed_leads_to_its_bench() -> None:
    memory = Figure(name="memory", unit="bytes", meaning="", better="less")
    kept = Row(contender="relay", cell={"items": 1}, values={"memory": (2.0,)})
    update = {"figures": (memory,), "rows": (kept,)}
    missed = result(row("relay", 1.0), bench="import").model_copy(update=update)

    page = render({"import": missed})[PAGE]

    assert "| at most 1.25 | 2 | no, see [import](#import) |" in page


def test_each_figure_is_told_with_its_better_direction() -> None:
    page = render({"drain": result(row("relay", 1.0))})[PAGE]

    assert "(more is better)" in page


def test_what_failed_is_told_on_the_page() -> None:
    failed = Row(
        contender="celery",
        cell={"payload": "c"},
        values={"speed": (None,)},
        failures=("run 1: hung",),
    )

    page = render({"drain": result(row("relay", 1.0), failed)})[PAGE]

    assert "- celery, c: run 1: hung" in page
    assert "| c | celery | - | - |" in page


def test_the_same_result_gives_the_same_bytes_without_the_day() -> None:
    results = {"drain": result(row("relay", 1.0), row("celery", 900.0))}

    assert render(results) == render(results)
    assert "dc:date" not in render(results)["benchmarks/drain.svg"]


def test_a_page_without_results_tells_the_method_only(tmp_path: Path) -> None:
    files = render(load(tmp_path))

    assert list(files) == [PAGE]
    assert "## Method" in files[PAGE]
