from itertools import chain

import pytest
from tests.benchmarks.__main__ import main
from tests.benchmarks.bench import planned_s
from tests.benchmarks.catalogue import BENCHES
from tests.benchmarks.contenders import NAMES, RELAY

QUICK_WITHIN_S = 8 * 60
FULL_WITHIN_S = 85 * 60
BENCH_WITHIN_S = 30 * 60


def test_a_quick_run_is_planned_to_last_less_than_eight_minutes() -> None:
    seconds = sum(planned_s(bench, "quick", 1, (RELAY, "celery")) for bench in BENCHES.values())

    assert seconds < QUICK_WITHIN_S


def test_a_full_run_is_planned_to_last_less_than_85_minutes_and_no_bench_more_than_30() -> None:
    seconds = [planned_s(bench, "full", 5, NAMES) for bench in BENCHES.values()]

    assert sum(seconds) < FULL_WITHIN_S
    assert max(seconds) < BENCH_WITHIN_S


def test_a_quick_run_has_one_cell_of_each_bench() -> None:
    assert {name: len(bench.cells("quick")) for name, bench in BENCHES.items()} == dict.fromkeys(
        BENCHES, 1
    )


def test_the_relay_is_in_every_cell_and_celery_in_every_bench_and_all_are_known() -> None:
    for bench in BENCHES.values():
        names_of_cells = [bench.contenders(cell) for cell in bench.cells("full")]
        assert {names[0] for names in names_of_cells} == {RELAY}
        assert "celery" in chain(*names_of_cells)
        assert set(chain(*names_of_cells)) <= set(NAMES)


def test_the_list_tells_every_bench_and_the_whole_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--quick"]) == 0

    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()] == [*BENCHES, "all"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["drains"], "drains"),
        (["--runs", "0"], "'0', expected a whole number from 1"),
        (["--smoke", "--contender", "arq"], "arq needs an environment of its own"),
        (["--quick", "--smoke"], "not allowed with argument"),
    ],
)
def test_what_cannot_be_run_is_refused_and_named(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert told in capsys.readouterr().err
