"""Where a producer's puts stay while Redis is away: the spool, and what is remembered with it."""

import os
from collections.abc import Callable
from dataclasses import replace
from weakref import WeakSet

from onport_producers.broker_memory import BrokerMemory
from onport_producers.handover import Handover
from onport_producers.spool import Flusher, Spool
from onport_queue.clock import Clock
from onport_queue.errors import SpoolError
from onport_queue.log import Log
from onport_queue.puts import PutBatch

_log = Log(__name__)

# A clock that is off by less is not worth a write: versions of one key are further apart.
_OFFSET_WORTH_NOTING_MS = 100.0


class Shelter:
    """Keeps puts and flushes them; what a shop's process needs of the spool."""

    def __init__(
        self,
        spool: Spool,
        memory: BrokerMemory,
        handover: Callable[[], Handover],
        clock: Clock,
    ) -> None:
        self._spool = spool
        self._memory = memory
        self._flusher = Flusher(spool, handover, clock)
        self._noted_offset_ms = 0.0
        self._noted_epoch = ""
        self._has_complained = False
        self._recall()
        self.is_holding()  # left by a process that is no more: flushed from now on
        _shelters.add(self)

    def is_holding(self) -> bool:
        """Return whether puts wait here, so that others must queue behind them."""
        try:
            is_holding = self._spool.is_holding()
        except SpoolError as error:
            self._complain(error)
            return False
        if is_holding:
            self._flusher.begin()
        return is_holding

    def keep(self, batch: PutBatch) -> None:
        """Keep a put on the disk. Raises SpoolError if that is impossible."""
        self._spool.append(replace(batch, latest_ms=self._memory.now_ms()))
        self._flusher.begin()
        if self._memory.epoch != self._noted_epoch:
            self._note("epoch", self._memory.epoch)
            self._noted_epoch = self._memory.epoch

    def check_room(self) -> None:
        """Raise SpoolError if a put could not be kept now."""
        self._spool.check_room()

    def note_offset(self) -> None:
        """Remember by how much Redis time differs, for a process that starts while it is away."""
        offset_ms = self._memory.offset_ms()
        if abs(offset_ms - self._noted_offset_ms) < _OFFSET_WORTH_NOTING_MS:
            return
        self._noted_offset_ms = offset_ms
        self._note("offset_ms", f"{offset_ms:.0f}")

    def _note(self, name: str, value: str) -> None:
        try:
            self._spool.note(name, value)
        except SpoolError as error:  # the put that brought it was taken all the same
            _log.warning("fact_not_noted", name=name, error=str(error))

    def _recall(self) -> None:
        try:
            self._noted_offset_ms = float(self._spool.fact("offset_ms") or 0)
            self._noted_epoch = self._spool.fact("epoch") or ""
        except SpoolError as error:
            self._complain(error)
        self._memory.recall(self._noted_offset_ms, self._noted_epoch)

    def _complain(self, error: SpoolError) -> None:
        # Redis may be well: a file that can't be read must not stop the shop.
        if not self._has_complained:
            _log.error("spool_unreadable", error=str(error))
        self._has_complained = True


_shelters: WeakSet[Shelter] = WeakSet()


def _look_all() -> None:
    # A web server replaces a process that has ended by forking one. What that one left here must
    # not wait for the next order, which may be hours away.
    for shelter in _shelters:
        shelter.is_holding()


os.register_at_fork(after_in_child=_look_all)
