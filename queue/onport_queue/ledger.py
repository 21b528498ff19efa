"""The ledger and the queue's state, as values."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Json

from onport_queue.events import Event
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
    """Something that is paused.

    Attributes:
        scope: account, lane:…, channel:… or endpoint:<channel>:<kind>.
        cause: operator, throttled, outage, or refused: by its answers, until one is accepted.
        reason: for a person.
        left_ms: until it ends; for refused until the next probe; -1 until resumed.
        since_ms: for how long it has lasted.
        behind: pending jobs that wait for its end.
        prints: fingerprints of hash and address that were refused.
    """

    scope: str
    cause: str
    reason: str
    left_ms: int
    since_ms: int
    behind: int = 0
    prints: tuple[str, ...] = ()


class OutageStats(_Value):
    """The breaker is open: how often in a row, for how long, whether a probe is on its way."""

    openings: int
    since_ms: int
    probing: bool


class SizeStats(_Value):
    """The most that batches of a kind carry, since larger ones were refused."""

    kind: Kind
    items: int | None = None
    bytes: int | None = None


class AboutWorker(_Value):
    """What a worker says of itself: its version, the lanes it serves, of which channels."""

    version: str = ""
    lanes: tuple[Lane, ...] = ()
    channels: tuple[str, ...] = ()


class WorkerStats(_Value):
    """A worker that looks for work, or did until a while ago and has not taken leave.

    Attributes:
        name: e.g. ``high@host``.
        looked_ms: so long ago it looked last.
        is_alive: whether that is recent.
        skew_ms: by how much its clock is ahead of Redis's.
        about: what it says of itself; None from a relay that was older.
    """

    name: str
    looked_ms: int
    is_alive: bool
    skew_ms: int
    about: Json[AboutWorker] | None = None


class Stats(_Value):
    """One consistent look at an account's queue.

    Rates in requests/s: `rate_set` by an operator, `rate_allowed` now (None: nothing was claimed
    yet), `rate_limit` learnt from 429s. `emptied_ms`: so long ago it was noticed that the broker
    had come back without its data, and nobody has accepted that yet. `events`: the newest first.
    `overdue`: requests whose lease is over and was not taken back. `workers`: those at work,
    `serving` those of them that serve a lane, `crew` also those that went without leave.
    """

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
    rate_set: float | None = None
    rate_allowed: float | None = None
    rate_limit: float | None = None
    outage: OutageStats | None = None
    emptied_ms: int | None = None
    sizes: tuple[SizeStats, ...] = ()
    events: tuple[Event, ...] = ()
    workers: tuple[str, ...] = ()
    crew: tuple[WorkerStats, ...] = ()
    overdue: int = 0

    @property
    def imbalance(self) -> int:
        """The difference of the ledger's two sides; anything but 0 is a defect of the relay."""
        events = self.ledger
        done = events.delivered + events.folded + events.duplicate + events.unchanged
        dropped = events.superseded + events.discarded
        held = self.dead + self.pending + self.waiting + self.delayed + self.in_flight
        return events.accepted - done - dropped - held

    @property
    def serving(self) -> tuple[str, ...]:
        """Workers at work that deliver; one that only runs schedules does not."""
        others = {one.name for one in self.crew if one.about is not None and not one.about.lanes}
        return tuple(name for name in self.workers if name not in others)

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
