from datetime import timedelta

import pytest

from onport_queue.durations import spoken
from onport_worker.cli.durations import duration
from onport_worker.cli.exits import UsageError


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
        ("999999d", timedelta(days=999_999)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, meant: timedelta) -> None:
    assert duration("--for", text) == meant


@pytest.mark.parametrize(
    "text", ["", "10", "m", "0s", "-1m", "1.5h", "10 m", "10min", "1h30m", "1000000s", "1w", "1M"]
)
def test_anything_else_is_refused_with_the_option_the_value_and_what_was_expected(
    text: str,
) -> None:
    with pytest.raises(UsageError) as refused:
        duration("--for", text)

    assert str(refused.value) == (
        f"--for {text!r}: expected a whole number and s, m, h or d, e.g. 90s, 10m, 2h, 3d"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3_600, "1 h 0 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_told_in_two_units_at_most(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
