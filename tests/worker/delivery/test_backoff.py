import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onport_worker.delivery.backoff import CAP_MS, asked_s, backoff_ms

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


class Always(random.Random):
    """Chance that always draws the same share."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def random(self) -> float:
        return self._share


@pytest.mark.parametrize(
    ("attempts", "share", "delay_ms"),
    [
        (1, 0.5, 500),
        (2, 0.5, 1_000),
        (3, 1.0, 4_000),
        (9, 1.0, 256_000),
        (10, 1.0, CAP_MS),
        (10_000, 1.0, CAP_MS),
    ],
)
def test_backoff_doubles_up_to_five_minutes(attempts: int, share: float, delay_ms: int) -> None:
    assert backoff_ms(attempts, Always(share)) == delay_ms


@given(st.integers(1, 100), st.integers())
def test_backoff_has_full_jitter(attempts: int, seed: int) -> None:
    ceiling = min(CAP_MS, 1_000 * 2 ** (attempts - 1))
    assert 0 <= backoff_ms(attempts, random.Random(seed)) <= ceiling


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        ("7", None, 7.0),
        (" 7 ", None, 7.0),
        ("0.25", None, 0.25),
        ("99999999", None, 99_999_999.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", None, 30.0),
        ("Tue, 24 Nov 2026 12:00:30 -0000", None, 30.0),
        ("Tue, 24 Nov 2026 13:00:30 +0100", None, 30.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", "Tue, 24 Nov 2026 12:00:10 GMT", 20.0),
        # Our clock is an hour behind, or ahead: the endpoint's own counts.
        ("Tue, 24 Nov 2026 13:00:30 GMT", "Tue, 24 Nov 2026 13:00:00 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:30 GMT", "Tue, 24 Nov 2026 11:00:00 GMT", 30.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", "yesterday", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", None, None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None, None),
        (None, None, None),
        ("", None, None),
        ("0", None, None),
        ("-5", None, None),
        ("soon", None, None),
        ("nan", None, None),
        ("inf", None, None),
        ("1e999", None, None),
    ],
)
def test_retry_after_is_read_in_every_form(
    header: str | None, date: str | None, seconds: float | None
) -> None:
    assert asked_s(header, date, NOW) == seconds
