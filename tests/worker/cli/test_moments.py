from datetime import UTC, datetime

import pytest
from tests.worker.alerts.conftest import NOON, HandClock

from onport_worker.cli.exits import UsageError
from onport_worker.cli.moments import moment_to_come


def test_a_moment_may_name_its_time_zone() -> None:
    at = moment_to_come("--not-before", "2026-12-01T08:00+01:00", HandClock())

    assert at == datetime(2026, 12, 1, 7, tzinfo=UTC)


def test_else_it_is_of_this_hosts_time_zone() -> None:
    at = moment_to_come("--not-before", "2026-12-01T08:00", HandClock())

    assert at == datetime(2026, 12, 1, 8).astimezone()


@pytest.mark.parametrize("text", ["", "soon", "10m", "08:00", "2026-13-01", "0001-01-01"])
def test_anything_else_is_refused_with_option_and_value(text: str) -> None:
    with pytest.raises(UsageError, match=f"--not-before '{text}': "):
        moment_to_come("--not-before", text, HandClock())


def test_a_moment_that_is_over_is_refused() -> None:
    with pytest.raises(UsageError, match="is over; expected a time to come"):
        moment_to_come("--not-before", NOON.isoformat(), HandClock())
