"""The producers' own log: what was meant, noted by the shop itself and not by the relay."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from onport_queue.names import Lane


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted put, named as the sandbox names it; `at` is the Unix time of the call."""

    family: str
    key: str
    digest: str
    lane: Lane
    at: float


class Diary:
    """Grows from several threads; read when they are done."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._folded = 0
        self._lock = threading.Lock()

    def note(self, entries: Iterable[Entry], *, folded: int) -> None:
        """Note accepted puts, and how many of them were folded."""
        with self._lock:
            self._entries.extend(entries)
            self._folded += folded

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All accepted puts, in order per key."""
        with self._lock:
            return tuple(self._entries)

    @property
    def folded(self) -> int:
        """How many puts were folded into others."""
        return self._folded
