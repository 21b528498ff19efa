"""Which dead letters are meant, of all that there are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from onport_queue.names import Kind
from onport_queue.replies import DeadLetter
from onport_queue.store import Queue


@dataclass(frozen=True, slots=True)
class Filters:
    """What a dead letter must be like; None leaves it open.

    Attributes:
        kind, channel: its own.
        status: what it was last answered.
        since: it died at most so long ago.
    """

    kind: Kind | None = None
    channel: str | None = None
    status: str | None = None
    since: timedelta | None = None

    def letters(self, queue: Queue) -> Iterator[DeadLetter]:
        """Yield those that match, the oldest first."""
        since_ms = None if self.since is None else round(self.since.total_seconds() * 1000)
        return filter(self.match, queue.dead(since_ms))

    def match(self, letter: DeadLetter) -> bool:
        """Return whether a letter is one of those; `since` is left to the queue."""
        return (
            self.kind in (None, letter.kind)
            and self.channel in (None, letter.channel)
            and self.status in (None, letter.last_status)
        )
