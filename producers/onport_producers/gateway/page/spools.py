"""What this host's spool holds, without reading it more often than it is cheap."""

from dataclasses import asdict

from onport_producers.spool import Spool
from onport_queue.clock import Clock
from onport_queue.errors import SpoolError
from onport_queue.settings import Settings

_EVERY_S = 3.0
# Counting reads the whole file; of the time at most this part is spent on it.
_REST_PER_WORK = 20


class SpoolGauge:
    """Reads what the spool holds for an account now and then; in one thread at a time."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._spool = Spool.of(settings, clock)
        self._clock = clock
        self._due_s = clock.monotonic_s()
        self._seen: dict[str, object] = {}

    def document(self) -> dict[str, object]:
        """Return what it held at the last reading, or why it can't be read."""
        began = self._clock.monotonic_s()
        if began >= self._due_s:
            self._seen = self._read()
            took = self._clock.monotonic_s() - began
            self._due_s = began + max(_EVERY_S, took * _REST_PER_WORK)
        return self._seen

    def _read(self) -> dict[str, object]:
        try:
            contents = self._spool.contents()
        except SpoolError as error:
            return {"error": str(error)}
        oldest = contents.oldest_s
        oldest_ms = None if oldest is None else (self._clock.wall().timestamp() - oldest) * 1000
        return {
            "puts": contents.puts,
            "jobs": contents.jobs,
            "oldest_ms": oldest_ms and max(0, round(oldest_ms)),
            "refused_puts": contents.refused_puts,
            "refused": [asdict(one) for one in contents.refused[:3]],
        }
