"""Processes of one sort that are killed and replaced, each in a session of its own."""

import random
import signal
import subprocess
from collections.abc import Callable
from types import TracebackType
from typing import Self

_ENDS_WITHIN_S = 25.0

Hire = Callable[[int, int], "subprocess.Popen[bytes]"]
"""Starts the process of a seat, in its so-manieth incarnation."""


class Staff:
    """So many seats, each taken by a process; whoever has ended is replaced when asked."""

    def __init__(self, seats: int, hire: Hire) -> None:
        self._hire = hire
        self._incarnations = [1] * seats
        self._members: list[subprocess.Popen[bytes]] = []

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
        """Send one of them a signal."""
        chance.choice(self._members).send_signal(number)

    def replace_ended(self) -> None:
        """Give every seat whose process has ended a new one."""
        for seat, member in enumerate(self._members):
            if member.poll() is not None:
                self._incarnations[seat] += 1
                self._members[seat] = self._hire(seat, self._incarnations[seat])

    def await_end(self, seconds: float) -> list[int]:
        """Wait until all have ended by themselves; return their exit codes."""
        return [member.wait(seconds) for member in self._members]

    def _end(self) -> None:
        for member in self._members:
            member.terminate()
        for member in self._members:
            try:
                member.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                member.kill()
                member.wait()
