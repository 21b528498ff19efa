import pytest

from onport_sandbox import Fault, SandboxSettings
from onport_sandbox.faults import Chance, fault_at


@pytest.mark.parametrize(
    ("draw", "fault"),
    [
        (0.0, Fault.ERROR),
        (0.099, Fault.ERROR),
        (0.1, Fault.TIMEOUT),
        (0.299, Fault.TIMEOUT),
        (0.31, Fault.RESET),
        (0.599, Fault.RESET),
        (0.61, None),
        (0.999, None),
    ],
)
def test_the_shares_lie_end_to_end(draw: float, fault: Fault | None) -> None:
    assert fault_at(SandboxSettings(error=0.1, timeout=0.2, reset=0.3), draw) is fault


def test_without_shares_nothing_goes_wrong() -> None:
    assert fault_at(SandboxSettings(), 0.0) is None


def test_the_same_seed_draws_the_same_faults() -> None:
    settings = SandboxSettings(error=0.2, timeout=0.2, reset=0.2)
    one, other = Chance(7), Chance(7)
    assert [one.fault(settings) for _ in range(50)] == [other.fault(settings) for _ in range(50)]


def test_shares_come_true_in_the_long_run() -> None:
    chance, settings = Chance(1), SandboxSettings(error=0.25)
    errors = sum(chance.fault(settings) is Fault.ERROR for _ in range(4000))
    assert 900 < errors < 1100


def test_jitter_does_not_move_the_faults() -> None:
    still = SandboxSettings(error=0.5)
    jittery = SandboxSettings(error=0.5, jitter_ms=10)
    one, other = Chance(3), Chance(3)
    expected = [one.fault(still) for _ in range(20)]
    drawn = []
    for _ in range(20):
        drawn.append(other.fault(jittery))
        other.latency_seconds(jittery)
    assert drawn == expected


def test_latency_is_the_fixed_part_and_at_most_the_jitter() -> None:
    chance, settings = Chance(1), SandboxSettings(latency_ms=20, jitter_ms=5)
    drawn = [chance.latency_seconds(settings) for _ in range(200)]
    assert 0.020 <= min(drawn) < 0.0205
    assert 0.0245 < max(drawn) <= 0.025
