"""Processor time, as the kernel counts it."""

import os
from collections.abc import Collection
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the processor seconds that a process has used, all its threads."""
    return _used(Path(f"/proc/{pid}/stat").read_text())[1]


def session_cpu_s(leaders: Collection[int]) -> float:
    """Return the processor seconds of all processes that now are in these sessions."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            session, used = _used(stat.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since it was listed
        if session in leaders:
            total += used
    return total


def _used(stat: str) -> tuple[int, float]:
    # What precedes the last parenthesis is the pid and the name, which may hold anything.
    fields = stat.rpartition(")")[2].split()
    return int(fields[3]), (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
