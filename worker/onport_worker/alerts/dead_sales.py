"""The dead sales of an account, without reading all dead letters at every look."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from onport_queue.clock import Clock
from onport_queue.names import Kind, job_key
from onport_queue.replies import DeadLetter
from onport_queue.store import Queue

MOST = 1_000
"""So many are told of one by one; further ones when some of these are dead no longer."""

_AT_A_TIME = 500
# What died while the last look read is read again.
_OVERLAP_S = 5.0


@dataclass(frozen=True, slots=True)
class DeadSale:
    """One that was given up: its id, and the status that it was answered with last."""

    channel: str
    id: str
    status: str | None
    died: datetime


class DeadSales:
    """Knows which sales are dead: reads those that died since the last look, and asks for the rest.

    A hundred thousand dead products cost nothing but at the first look.
    """

    def __init__(self, queue: Queue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._known: dict[str, DeadSale] = {}
        self._read_s: float | None = None

    def look(self) -> tuple[DeadSale, ...]:
        """Return those that are dead, at most `MOST`. Raises redis.exceptions.RedisError."""
        self._forget_revived()
        if len(self._known) < MOST:
            self._read()
        return tuple(self._known.values())

    def _read(self) -> None:
        began_s, now = self._clock.monotonic_s(), self._clock.wall()
        since_ms = None
        if self._read_s is not None:
            since_ms = round((began_s - self._read_s + _OVERLAP_S) * 1000)
        self._read_s = began_s
        for letter in self._queue.dead(since_ms):
            if letter.kind is Kind.SALE:
                self._known[letter.key] = _sale(letter, now)
            if len(self._known) >= MOST:
                self._read_s = None  # there may be more: all are read again once there is room
                return

    def _forget_revived(self) -> None:
        keys = list(self._known)
        for first in range(0, len(keys), _AT_A_TIME):
            page = keys[first : first + _AT_A_TIME]
            for key, state in zip(page, self._queue.states(page), strict=True):
                if state != "dead":
                    del self._known[key]


def _sale(letter: DeadLetter, now: datetime) -> DeadSale:
    sale_id = letter.key.removeprefix(job_key(letter.kind, letter.channel, ""))
    died = now - timedelta(milliseconds=letter.died_ms_ago)
    return DeadSale(letter.channel, sale_id, letter.last_status, died)
