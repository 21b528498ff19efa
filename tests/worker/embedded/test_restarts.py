from datetime import timedelta

import pytest

from onport_worker.embedded import RestartPolicy


@pytest.mark.parametrize(
    ("deaths", "pause_ms"),
    [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1600), (7, 5000), (60, 5000)],
)
def test_each_pause_is_twice_the_one_before_up_to_the_longest(deaths: int, pause_ms: int) -> None:
    assert RestartPolicy(budget=100).pause(deaths) == timedelta(milliseconds=pause_ms)


def test_after_the_budget_it_gives_up() -> None:
    assert RestartPolicy(budget=5).pause(6) is None


@pytest.mark.parametrize(
    ("before", "uptime", "deaths"),
    [
        (0, timedelta(0), 1),
        (3, timedelta(seconds=59), 4),
        (3, timedelta(seconds=60), 1),
        (0, timedelta(days=30), 1),
    ],
)
def test_a_server_that_had_settled_starts_a_new_row(
    before: int, uptime: timedelta, deaths: int
) -> None:
    assert RestartPolicy().deaths_in_row(before, uptime=uptime) == deaths
