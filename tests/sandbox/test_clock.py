import pytest

from onport_sandbox import Clock, ManualClock, SystemClock


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_monotonic_time_never_goes_back(clock: Clock) -> None:
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_wall_time_is_unix_time_of_this_century(clock: Clock) -> None:
    assert 946_684_800 < clock.wall() < 4_102_444_800


def test_a_manual_clock_moves_both_times_when_told() -> None:
    clock = ManualClock(wall=10, monotonic=20)
    clock.advance(1.5)
    assert (clock.wall(), clock.monotonic()) == (11.5, 21.5)


def test_a_manual_clock_refuses_to_go_back() -> None:
    with pytest.raises(ValueError, match="seconds: got -1, expected a number of at least 0"):
        ManualClock().advance(-1)
