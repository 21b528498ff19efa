"""Staff is replaced when it ends, and whoever ends unbidden is noted."""

import random
import signal
import subprocess
import sys

from tests.acceptance.staff import Staff

SLEEPS = "import time; time.sleep(60)"


def hire(*scripts: str) -> Staff:
    def started(seat: int, incarnation: int) -> "subprocess.Popen[bytes]":
        script = scripts[seat] if incarnation == 1 else SLEEPS
        return subprocess.Popen([sys.executable, "-c", script], start_new_session=True)

    return Staff(len(scripts), started)


def test_who_was_killed_is_replaced_and_not_held_against_anybody() -> None:
    with hire(SLEEPS) as staff:
        before = staff.pid(random.Random(1))
        staff.signal(random.Random(1), signal.SIGKILL)
        staff.replace_ended()
        assert staff.pid(random.Random(1)) != before
        assert staff.ended_by_itself == []


def test_who_ends_badly_by_itself_is_noted() -> None:
    with hire("raise SystemExit(7)", "pass") as staff:
        staff.await_end(10)
        assert staff.ended_by_itself == [7]


def test_who_does_not_end_in_time_is_noted() -> None:
    with hire(SLEEPS) as staff:
        staff.await_end(0.1)
        assert staff.ended_by_itself == [-signal.SIGKILL]
