"""Moving committed rows into the queue, each once or harmlessly again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine, text

from onport_producers.handover import Handover
from onport_producers.kept import Entry, hand_over
from onport_producers.outbox.database import PASSING, place_of, reason
from onport_producers.outbox.rows import remove, set_aside, take
from onport_queue.clock import Clock
from onport_queue.errors import SettingsError
from onport_queue.log import Log

_log = Log(__name__)

# One commit for so many rows; killed in between, they are put again under their own put ids.
_AT_A_TIME = 100
_BYTES_AT_A_TIME = 500_000
_LONGEST_BATCH_S = 3.0
# The first is of a pump whose host is gone without a word: its rows are then given to others.
_BOUNDS = (
    "SET LOCAL idle_in_transaction_session_timeout = '30s'",
    "SET LOCAL lock_timeout = '5s'",
)
_SHORTEST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Pumped:
    """How many rows the queue has got, how many were set aside; the error that ended it early."""

    rows: int = 0
    refused: int = 0
    error: RedisError | None = None


HandoverOf = Callable[[str], Handover]
"""Into which queue the jobs of a channel go; SettingsError if there is no such channel."""


class Pump:
    """Hands over the rows of one outbox; any number of them may work at once.

    A row is deleted only after Redis has it, in one transaction with the others of its batch. Rows
    of one key are handed over in the order in which they were added.
    """

    def __init__(self, engine: Engine, handover_of: HandoverOf, clock: Clock) -> None:
        self._engine = engine
        self._handover_of = handover_of
        self._clock = clock
        self._is_waiting = False

    def batch(self) -> Pumped:
        """Hand over one batch of what is committed.

        Raises:
            sqlalchemy.exc.DBAPIError: the database can't be reached, or refuses. What was handed
                over is still there then, and is handed over again.
        """
        with self._engine.begin() as connection:
            return self._handed_over(connection)

    def empty(self, until: Callable[[], bool] = lambda: False) -> Pumped:
        """Hand over what is there, until nothing is left to take or `until` says so.

        Raises:
            sqlalchemy.exc.DBAPIError: as `batch` does.
        """
        done = Pumped()
        while not until():
            last = self.batch()
            done = Pumped(done.rows + last.rows, done.refused + last.refused, last.error)
            if last.error is not None or not last.rows + last.refused:
                break
        return done

    def run(self, until: Callable[[], bool]) -> Pumped:
        """Hand over what comes, until `until` says so between two batches.

        While the broker or the database is away it waits, and goes on by itself.
        """
        done, pause_s, never = Pumped(), _SHORTEST_PAUSE_S, threading.Event()
        while not until():
            last = self._patient_batch()
            done = Pumped(done.rows + last.rows, done.refused + last.refused)
            if last.rows + last.refused:
                pause_s = _SHORTEST_PAUSE_S
                continue
            self._clock.wait(never, pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
        return done

    def _handed_over(self, connection: Connection) -> Pumped:
        if self._engine.dialect.name == "postgresql":
            for bound in _BOUNDS:
                connection.execute(text(bound))
        ends_at = self._clock.monotonic_s() + _LONGEST_BATCH_S
        entries = take(connection, _AT_A_TIME, most_bytes=_BYTES_AT_A_TIME)
        settled: list[int] = []
        refused: dict[int, str] = {}
        error = None
        for entry in entries:
            try:
                if self._taken(entry, refused):
                    settled.append(entry.place)
            except RedisError as away:
                error = away
                break
            if self._clock.monotonic_s() > ends_at:
                break
        # Only now is anything written: from here on a shop on SQLite has to wait.
        for place, why in refused.items():
            set_aside(connection, place, why)
        remove(connection, settled)
        return Pumped(len(settled), len(refused), error)

    def _taken(self, entry: Entry, refused: dict[int, str]) -> bool:
        try:
            handover = self._handover_of(entry.batch.channel)
        except SettingsError as error:
            refused[entry.place] = str(error)
            return False
        return hand_over(entry, handover, refused.__setitem__)

    def _patient_batch(self) -> Pumped:
        try:
            pumped = self.batch()
        except PASSING as error:
            self._wait_for(f"database {place_of(self._engine)}: {reason(error)}")
            self._engine.dispose()
            return Pumped()
        if pumped.error is not None:
            self._wait_for(f"broker: {type(pumped.error).__name__}")
        elif self._is_waiting:
            self._is_waiting = False
            _log.warning("outbox_went_on")
        return pumped

    def _wait_for(self, what: str) -> None:
        if not self._is_waiting:
            _log.warning("outbox_waited", on=what)
        self._is_waiting = True
