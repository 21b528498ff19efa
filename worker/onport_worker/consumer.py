"""Celery's consumer, but back within a second or two of the broker's return."""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

# kombu's own pauses between attempts grow to half a minute, for which no wake-up would be heard.
_PAUSE_S = 0.5


class PromptConsumer(Consumer):
    """Reconnects in short, even pauses."""

    def ensure_connected(self, conn: Any) -> Any:  # Any: kombu's connection has no types
        """Return the connection when it is open."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=_PAUSE_S, interval_step=0, interval_max=_PAUSE_S
        )
        return super().ensure_connected(conn)
