"""Processes of one sort that are killed and replaced, each in a session of its own."""

import random
import signal
import subprocess
from collections.abc import Callable
from types import TracebackType
from typing import Self

from onport_queue.clock import SystemClock

_ENDS_WITHIN_S = 25.0
_CLOCK = SystemClock()

Hire = Callable[[int, int], "subprocess.Popen[bytes]"]
"""Starts the process of a seat, in its so-manieth incarnation."""


class Staff:
    """So many seats, each taken by a process; whoever has ended is replaced when asked."""

    def __init__(self, seats: int, hire: Hire) -> None:
        self._hire = hire
        self._incarnations = [1] * seats
        self._members: list[subprocess.Popen[bytes]] = []
        self._told: set[int] = set()
        self.ended_by_itself: list[int] = []
        """Statuses of those that nobody had sent a signal, but for success."""

    def __enter__(self) -> Self:
        try:
            for seat in range(len(self._incarnations)):
                self._members.append(self._hire(seat, 1))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def pid(self, chance: random.Random) -> int:
        """Return one of the processes."""
        return chance.choice(self._members).pid

    def signal(self, chance: random.Random, number: signal.Signals) -> None:
        """Send one of them a signal that ends it."""
        member = chance.choice(self._members)
        self._told.add(member.pid)
        member.send_signal(number)
        if number is signal.SIGKILL:
            member.wait()  # so that the next look replaces it, be it the last one

    def replace_ended(self) -> None:
        """Give every seat whose process has ended a new one."""
        for seat, member in enumerate(self._members):
            if member.poll() is not None:
                self._note_end(member)
                self._incarnations[seat] += 1
                self._members[seat] = self._hire(seat, self._incarnations[seat])

    def await_end(self, seconds: float) -> None:
        """Wait until all have ended by themselves; who has not by then counts as ended badly."""
        ends_at = _CLOCK.monotonic_s() + seconds
        for member in self._members:
            try:
                member.wait(max(0.0, ends_at - _CLOCK.monotonic_s()))
            except subprocess.TimeoutExpired:
                member.kill()
                member.wait()
            self._note_end(member)

    def _note_end(self, member: "subprocess.Popen[bytes]") -> None:
        if member.returncode and member.pid not in self._told:
            self.ended_by_itself.append(member.returncode)

    def _end(self) -> None:
        for member in self._members:
            member.terminate()
        for member in self._members:
            try:
                member.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                member.kill()
                member.wait()
