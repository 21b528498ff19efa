from collections.abc import Callable

import pytest

from onport_sandbox import SandboxSettings, SettingsError


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SandboxSettings(hashes={}), "hashes: got none, expected at least one hash"),
        (lambda: SandboxSettings(hash_status=99), "hash_status: got 99, expected an HTTP status"),
        (lambda: SandboxSettings(max_items=0), "max_items: got 0, expected an integer of at least"),
        (lambda: SandboxSettings(max_body_bytes=0), "max_body_bytes: got 0"),
        (lambda: SandboxSettings(poison_status=500), "poison_status: got 500"),
        (lambda: SandboxSettings(error_status=404), "error_status: got 404"),
        (lambda: SandboxSettings(outage_status=200), "outage_status: got 200"),
        (lambda: SandboxSettings(rate=0), "rate: got 0, expected a number of requests per second"),
        (lambda: SandboxSettings(rate=float("nan")), "rate: got nan"),
        (lambda: SandboxSettings(burst=0.5), "burst: got 0.5, expected a number of requests"),
        (lambda: SandboxSettings(latency_ms=-1), "latency_ms: got -1, expected a number"),
        (lambda: SandboxSettings(jitter_ms=float("inf")), "jitter_ms: got inf"),
        (lambda: SandboxSettings(hold_seconds=-1), "hold_seconds: got -1"),
        (lambda: SandboxSettings(error=1.1), "error: got 1.1, expected a share from 0 to 1"),
        (lambda: SandboxSettings(error=0.6, reset=0.6), "error + timeout + reset: got 1.2"),
        (lambda: SandboxSettings(retry_after="1\r\nx: y"), "retry_after: got '1"),
        (lambda: SandboxSettings(retry_after=""), "retry_after: got ''"),
    ],
)
def test_a_setting_out_of_its_range_is_named_with_its_value(
    make: Callable[[], SandboxSettings], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        SandboxSettings(max_items=0, rate=-1, error=2)
    assert [problem.field for problem in caught.value.problems] == ["max_items", "rate", "error"]


@pytest.mark.parametrize(
    "hashes",
    [{"a": "s3cret\n"}, {"a b": "s3cret"}, {"a": "s3cret", "b": "s3cret"}],
    ids=["unprintable", "name", "twice"],
)
def test_a_problem_with_a_hash_never_says_the_hash(hashes: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        SandboxSettings(hashes=hashes)
    assert "s3cret" not in str(caught.value)


def test_the_hashes_are_not_in_the_representation() -> None:
    assert "s3cret" not in repr(SandboxSettings(hashes={"a": "s3cret"}))


def test_settings_keep_their_hashes_when_the_callers_mapping_changes() -> None:
    hashes = {"a": "one"}
    settings = SandboxSettings(hashes=hashes)
    hashes["b"] = "two"
    assert dict(settings.hashes) == {"a": "one"}


@pytest.mark.parametrize(
    ("rate", "burst", "effective"),
    [(5, None, 2), (20, None, 2), (100, None, 10), (100, 1, 1), (1, 7, 7)],
)
def test_a_burst_not_given_is_a_tenth_of_the_rate_and_two_at_least(
    rate: float, burst: float | None, effective: float
) -> None:
    assert SandboxSettings(rate=rate, burst=burst).effective_burst == effective


def test_three_thirds_are_one() -> None:
    SandboxSettings(error=1 / 3, timeout=1 / 3, reset=1 / 3)
