"""Flushing the spool: in order, one process of a host at a time, until it is empty."""

import _thread
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

from redis.exceptions import RedisError

from onport_producers.forks import ForkSafeLock
from onport_producers.handover import Handover
from onport_producers.kept import hand_over
from onport_producers.spool.store import Spool
from onport_producers.spool.turn import turn_of
from onport_queue.clock import Clock
from onport_queue.errors import SpoolError
from onport_queue.log import Log, frames_of

_log = Log(__name__)

# The disk is waited for once for so many puts; killed in between, they are put again under their
# own put ids, which makes no second job.
_AT_A_TIME = 50
# Nor do the shop's own puts wait longer than a moment for the file, as they would while dozens of
# bulk puts are removed from it.
_BYTES_AT_A_TIME = 500_000
_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Flushed:
    """How many puts and jobs the queue has got; the error that ended it early, if one did."""

    puts: int = 0
    jobs: int = 0
    error: RedisError | None = None


def flush(
    spool: Spool, handover: Handover, progress: Callable[[Flushed], None] | None = None
) -> Flushed:
    """Put what the spool holds, in order; the caller holds `turn_of`.

    An entry that the broker refuses for good is set aside, so that it neither blocks the others nor
    is lost.

    Raises:
        SpoolError: the file can't be read or written.
    """
    done = Flushed()
    while entries := spool.first(_AT_A_TIME, most_bytes=_BYTES_AT_A_TIME):
        settled: list[int] = []
        try:
            for entry in entries:
                taken = hand_over(entry, handover, spool.set_aside)
                settled += [entry.place] if taken else []
                done = Flushed(done.puts + taken, done.jobs + taken * len(entry.batch.jobs))
        except RedisError as error:
            return Flushed(done.puts, done.jobs, error)
        finally:
            spool.remove(settled)
        if progress:
            progress(done)
    return done


class Flusher:
    """Flushes in the background of a producer, as soon as the broker answers again."""

    def __init__(self, spool: Spool, handover: Callable[[], Handover], clock: Clock) -> None:
        self._spool = spool
        self._handover = handover
        self._clock = clock
        self._lock = ForkSafeLock()
        self._pid = 0
        self._wanted = threading.Event()

    def begin(self) -> None:
        """Flush soon; call it whenever something was spooled or found."""
        pid = os.getpid()
        with self._lock:
            is_flushing, self._pid = self._pid == pid, pid
            if not is_flushing:  # a fork leaves the thread behind
                self._wanted = threading.Event()
            wanted = self._wanted
        wanted.set()
        if is_flushing:
            return
        try:
            # `threading` would wait until it runs, which is fatal under gevent: in the middle of a
            # fork, or while somebody holds a lock that was made before gevent's patches.
            _thread.start_new_thread(self._whenever, (wanted,))
        except RuntimeError as error:  # what is on the disk is safe; the next put tries again
            self._pid = 0
            _log.warning("flusher_not_begun", error=str(error))

    def _whenever(self, wanted: threading.Event) -> None:
        try:
            handover = self._handover()
            while wanted.wait():
                wanted.clear()
                self._until_empty(handover)
        except Exception as error:  # noqa: BLE001 - nobody is above; its text may quote a payload
            _log.error("flusher_crashed", error=type(error).__name__, at=frames_of(error))
        finally:
            self._pid = 0  # a defect has ended it; the next put begins anew

    def _until_empty(self, handover: Handover) -> None:
        pause_s, never = _SHORTEST_PAUSE_S, threading.Event()
        while True:
            try:
                if not self._spool.is_holding():
                    return
                with turn_of(self._spool.path) as is_ours:
                    flushed = flush(self._spool, handover) if is_ours else Flushed()
            except (SpoolError, OSError) as error:
                _log.error("spool_flush_failed", error=str(error))
                flushed, pause_s = Flushed(), _LONGEST_PAUSE_S
            if flushed.puts:
                _log.warning("spool_flushed", puts=flushed.puts, jobs=flushed.jobs)
                pause_s = _SHORTEST_PAUSE_S
            self._clock.wait(never, pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
