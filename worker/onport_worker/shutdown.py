"""The end of a worker: in time, with nothing in the dark.

The first TERM or Ctrl-C begins Celery's warm shutdown, which finishes what is on the wire. What has
no answer after GRACE_S is released, for others to send again, and the process exits. A second one,
or QUIT, does so at once.
"""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from enum import Enum, auto

from onport_queue.log import Log

_log = Log(__name__)

GRACE_S = 12.0
"""How long an answer is waited for: an orchestrator that kills after 15 s finds nothing to kill."""

_POLITE = (signal.SIGTERM, signal.SIGINT)


class _Word(Enum):
    STOP = auto()
    AT_ONCE = auto()
    DONE = auto()


class Shutdown:
    """Ends the process by itself, whatever Celery still waits for.

    Args:
        begin_stop: claims nothing more, and tells Celery; called once, when the first word comes.
        release: gives back what is not settled, within a second or two; returns whether all of it
            could be given back.
        exit_process: ends the process at once, with a status.
        grace_s: how long an answer is waited for.
    """

    def __init__(
        self,
        begin_stop: Callable[[], None],
        release: Callable[[], bool],
        *,
        exit_process: Callable[[int], None] = os._exit,
        grace_s: float = GRACE_S,
    ) -> None:
        self._begin_stop = begin_stop
        self._release = release
        self._exit_process = exit_process
        self._grace_s = grace_s
        # Its put is reentrant, so a signal handler may call it whatever it has interrupted.
        self._words: queue.SimpleQueue[_Word] = queue.SimpleQueue()
        self._is_asked = False
        self._thread = threading.Thread(target=self._listen, name="shutdown", daemon=True)

    @property
    def is_listening(self) -> bool:
        """Whether it would still end the process."""
        return self._thread.is_alive()

    def listen(self) -> None:
        """Wait for the first word, in the background."""
        self._thread.start()

    def hear_signals(self) -> None:
        """Take signals for words, in place of Celery; call it in the main thread."""
        for number in _POLITE:
            signal.signal(number, lambda _number, _frame: self.ask())
        signal.signal(signal.SIGQUIT, lambda _number, _frame: self.end_at_once())

    def ask(self) -> None:
        """Stop politely; asked again, at once."""
        self._words.put(_Word.AT_ONCE if self._is_asked else _Word.STOP)
        self._is_asked = True

    def end_at_once(self) -> None:
        """Release what is not settled, and exit."""
        self._words.put(_Word.AT_ONCE)

    def done(self) -> None:
        """Hear that all has ended by itself."""
        self._words.put(_Word.DONE)

    def _listen(self) -> None:
        word = self._words.get()
        if word is _Word.DONE:
            return
        self._begin_stop()
        if word is _Word.STOP and self._next_word() is _Word.DONE:
            return
        all_released = self._release()
        sys.stdout.flush()
        sys.stderr.flush()
        self._exit_process(0 if all_released else 1)

    def _next_word(self) -> _Word:
        try:
            return self._words.get(timeout=self._grace_s)
        except queue.Empty:
            _log.warning("shutdown_overdue", grace_s=self._grace_s)
            return _Word.AT_ONCE
