"""What is told, with boring defaults, and a clock that is moved by hand."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from onport_queue.told import State, Told
from onport_worker.alerts.news import ms

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@dataclass
class HandClock:
    """Both clocks, moved by hand."""

    passed: timedelta = timedelta()

    def wall(self) -> datetime:
        return NOON + self.passed

    def monotonic_s(self) -> float:
        return self.passed.total_seconds()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.passed += timedelta(seconds=seconds)
        return event.is_set()


def told(
    alert: str = "ledger_off",
    state: State = State.FIRING,
    *,
    ago: timedelta = timedelta(),
    sent: bool = True,
    **subject: str | int,
) -> Told:
    """Return what was told so long before noon; it began an hour before that."""
    at_ms = ms(NOON - ago)
    return Told(
        alert=alert,
        state=state,
        since_ms=at_ms - 3_600_000,
        at_ms=at_ms,
        sent=sent,
        subject=subject,
    )
