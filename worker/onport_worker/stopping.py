"""Being told to stop: once politely, twice at once."""

import signal
from types import FrameType, TracebackType
from typing import Self


class Stopping:
    """While the context lasts, TERM, HUP and Ctrl-C are noted; a second one, or QUIT, interrupts.

    Noted in a plain attribute: an Event's lock could be held by the very code that the signal
    interrupts.
    """

    _SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._heard) for number in self._SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's
        if self.asked or number == signal.SIGQUIT:
            raise KeyboardInterrupt
        self.asked = True
