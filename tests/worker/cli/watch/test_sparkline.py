import pytest

from onport_worker.cli.watch.sparkline import sparkline


def test_each_figure_is_a_bar_as_high_as_its_share() -> None:
    assert sparkline([0, 5, 10, 2.5], 10, 9) == "▁▅█▃"


def test_the_newest_are_shown_where_there_is_no_room_for_all() -> None:
    assert sparkline([10, 0, 10], 10, 2) == "▁█"


@pytest.mark.parametrize("width", [0, -3])
def test_without_room_there_is_nothing(width: int) -> None:
    assert sparkline([1, 2], 2, width) == ""


def test_a_terminal_without_the_characters_gets_others() -> None:
    assert sparkline([0, 10], 10, 9, plain=True) == "_#"


def test_what_is_above_the_top_fills_its_bar_and_no_top_none() -> None:
    assert sparkline([20], 10, 9) == "█"
    assert sparkline([20], 0, 9) == "▁"
