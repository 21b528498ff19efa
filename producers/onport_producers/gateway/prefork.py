"""Several processes at one port: forked, replaced when one ends, stopped together."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from onport_queue.clock import Clock
from onport_queue.log import Log, frames_of

_log = Log(__name__)

_TICK_S = 0.1
_PAUSE_S = 1.0
_STOPS_WITHIN_S = 15.0
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_COULD_NOT_BEGIN = 3
_FAILED = 70


class Prefork:
    """Runs one function in so many children; it is called before there are any threads.

    Args:
        work: what a child does until TERM; returns whether it could begin.
        processes: how many.
        clock: the host's.
    """

    def __init__(self, work: Callable[[], bool], processes: int, clock: Clock) -> None:
        self._work = work
        self._processes = processes
        self._clock = clock
        self._children: set[int] = set()
        self._is_stopping = False
        self._has_failed = False

    def run(self) -> bool:
        """Return after TERM or Ctrl-C, when all have ended; whether all was well."""
        for number in _STOPPING:
            signal.signal(number, self._heard)
        never = threading.Event()
        for _ in range(self._processes):
            self._start()
        while not self._is_stopping:
            self._clock.wait(never, _TICK_S)
            if self._reap() and not self._is_stopping:
                self._clock.wait(never, _PAUSE_S)
            while len(self._children) < self._processes and not self._is_stopping:
                self._start()
        self._stop(never)
        return not self._has_failed

    def _start(self) -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(self._status_of_work())
        self._children.add(pid)

    def _status_of_work(self) -> int:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)
        try:
            return 0 if self._work() else _COULD_NOT_BEGIN
        except BaseException as error:  # noqa: BLE001 - the child ends here, whatever it is
            # Its text may quote what it was about.
            _log.error("crashed", error=type(error).__name__, at=frames_of(error))
            return _FAILED

    def _reap(self) -> bool:
        """Note who has ended; return whether somebody has by itself."""
        ended = False
        for pid in tuple(self._children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if not found:
                continue
            self._children.discard(pid)
            code = os.waitstatus_to_exitcode(status)
            if self._is_stopping:
                self._has_failed |= code != 0
                continue
            ended = True
            if code == _COULD_NOT_BEGIN:
                self._has_failed = self._is_stopping = True
            _log.warning("process_ended", ended=pid, status=code)
        return ended

    def _stop(self, never: threading.Event) -> None:
        self._send(signal.SIGTERM)
        ends_at = self._clock.monotonic_s() + _STOPS_WITHIN_S
        while self._children and self._clock.monotonic_s() < ends_at:
            self._reap()
            self._clock.wait(never, _TICK_S)
        self._send(signal.SIGKILL)
        while self._children:
            self._reap()
            self._clock.wait(never, _TICK_S)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._children:
            os.kill(pid, number)

    def _heard(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's
        self._is_stopping = True
