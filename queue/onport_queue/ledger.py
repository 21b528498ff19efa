"""The ledger and the queue's state, as values."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from onport_queue.names import Kind, Lane


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _absent_as_empty(value: Any) -> Any:
    return value or {}


class Ledger(_Value):
    """Counters moved inside the scripts. The first seven are terms of the identity."""

    accepted: int = 0
    delivered: int = 0
    folded: int = 0
    duplicate: int = 0
    unchanged: int = 0
    superseded: int = 0
    discarded: int = 0
    requests: int = 0
    retried: int = 0
    released: int = 0
    expired: int = 0
    fenced: int = 0
    died: int = 0


class StreamStats(_Value):
    """One stream with pending work."""

    lane: Lane
    channel: str
    kind: Kind
    pending: int
    oldest_ms: int


class PauseStats(_Value):
    """Something that is paused; ``left_ms`` is -1 until resumed."""

    scope: str
    reason: str
    left_ms: int
    since_ms: int


class Stats(_Value):
    """One consistent look at an account's queue."""

    streams: tuple[StreamStats, ...] = ()
    pauses: tuple[PauseStats, ...] = ()
    ledger: Annotated[Ledger, BeforeValidator(_absent_as_empty)]
    pending: int
    waiting: int
    delayed: int
    in_flight: int
    dead: int
    flights: int
    next_due_ms: int | None = None
    rate: float | None = None
    workers: tuple[str, ...] = ()

    @property
    def imbalance(self) -> int:
        """The difference of the ledger's two sides; anything but 0 is a defect of the relay."""
        events = self.ledger
        done = events.delivered + events.folded + events.duplicate + events.unchanged
        dropped = events.superseded + events.discarded
        held = self.dead + self.pending + self.waiting + self.delayed + self.in_flight
        return events.accepted - done - dropped - held

    @property
    def unfinished(self) -> int:
        """Jobs that will still be sent unless somebody interferes."""
        return self.pending + self.waiting + self.delayed + self.in_flight

    def pending_in(self, lane: Lane) -> int:
        """Pending jobs of one lane."""
        return sum(stream.pending for stream in self.streams if stream.lane == lane)

    def requests_left(self, batch_items: Mapping[Kind, int]) -> int:
        """The fewest requests that deliver everything now pending."""
        return sum(-(-stream.pending // batch_items[stream.kind]) for stream in self.streams)
