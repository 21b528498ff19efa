import pytest
from tests.benchmarks.__main__ import main
from tests.benchmarks.bench import planned_s
from tests.benchmarks.catalogue import BENCHES
from tests.benchmarks.contenders import NAMES, RELAY

QUICK_WITHIN_S = 8 * 60


def test_a_quick_run_is_planned_to_last_less_than_eight_minutes() -> None:
    seconds = sum(planned_s(bench, "quick", 1, (RELAY, "celery")) for bench in BENCHES.values())

    assert seconds < QUICK_WITHIN_S


def test_a_quick_run_has_one_cell_of_each_bench() -> None:
    assert {name: len(bench.cells("quick")) for name, bench in BENCHES.items()} == dict.fromkeys(
        BENCHES, 1
    )


def test_the_relay_and_celery_are_in_every_cell_and_all_others_are_known() -> None:
    for bench in BENCHES.values():
        for cell in bench.cells("full"):
            names = bench.contenders(cell)
            assert names[0] == RELAY
            assert "celery" in names
            assert set(names) <= set(NAMES)


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
