"""A flight: what a claim grants, how each of its jobs may end, what settling says. Values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from onport_queue.events import Event
from onport_queue.fold import Fragment
from onport_queue.names import DEFAULT_CHANNEL, Kind, Lane

Prints: TypeAlias = Mapping[str, Sequence[str]]
"""By channel, the fingerprints of the hashes a worker can send with, the preferred one first."""

ANY_PRINT: Prints = MappingProxyType({DEFAULT_CHANNEL: ("",)})
"""Of a worker that has one hash, whatever it is, for the default channel."""

BURST = 2
"""Requests that may follow each other at once; the gate is a GCRA."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a claim is allowed: ceiling, the low lane's floor, size of a batch, term of a lease.

    Streams of channels that are not in `prints` are left to others.
    """

    rate: float
    low_lane_share: float = 0.1
    batch_items: int = 50
    batch_bytes: int = 1_000_000
    lease_ms: int = 30_000
    burst: int = BURST
    prints: Prints = field(default_factory=lambda: ANY_PRINT)

    @property
    def floor(self) -> int:
        """One token in so many is the low lane's; 0 is none."""
        return round(1 / self.low_lane_share) if self.low_lane_share > 0 else 0


# A batch has fifty, and a tuple is made in half the time of a dataclass.
class Item(NamedTuple):
    """One job of a flight, as claimed. `first_attempt_ms_ago` leaves out the time of pauses."""

    key: str
    attempts: int
    first_attempt_ms_ago: int
    put_ms_ago: int
    fragments: tuple[Fragment, ...]


@dataclass(frozen=True, slots=True)
class Granted:
    """A token and a batch: one request that may be sent now, held under a lease.

    `print` is the fingerprint of the hash to send it with, one of the gate's.
    """

    lease: str
    kind: Kind
    channel: str
    lane: Lane
    more: bool
    items: tuple[Item, ...]
    print: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """There is work; the next token comes in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Paused:
    """There is work, but it is not worth asking for so many seconds (None: until resumed)."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing to claim."""


Claim: TypeAlias = Granted | Wait | Paused | Empty


@dataclass(frozen=True, slots=True)
class Delivered:
    """Onport has it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Again, after a delay."""

    delay_ms: int


@dataclass(frozen=True, slots=True)
class Released:
    """Back to its place at once; not the job's fault."""


@dataclass(frozen=True, slots=True)
class Halve:
    """Back to its place, in batches half as large."""


@dataclass(frozen=True, slots=True)
class Dead:
    """No further attempt by itself."""


Verdict: TypeAlias = Delivered | Retry | Released | Halve | Dead


class Answer(StrEnum):
    """What a request taught about the endpoint, whatever it means for the jobs."""

    NONE = "none"
    """Nothing: no request was made, or it is not known what became of it."""
    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    FAILED = "failed"
    """No answer, or one that says that the endpoint is not well."""
    REFUSED = "refused"
    """It did not take what was sent."""
    DENIED = "denied"
    """It did not take the channel's hash."""
    MISDIRECTED = "misdirected"
    """It does not take such requests at this address."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a flight: what becomes of its jobs, and what was answered.

    Attributes:
        verdicts: one per job in the order of the claim.
        answer: what it says about the endpoint; the gate learns from it.
        sent: whether a request was made that counts as an attempt of each job.
        status: the HTTP status, or the name of what happened instead; empty if nothing is to be
            noted.
        text: the beginning of the answer, printable.
        retry_after_ms: what a throttled request was asked to wait for; None if it was not told.
    """

    verdicts: Sequence[Verdict]
    answer: Answer = Answer.ACCEPTED
    sent: bool = True
    status: str = ""
    text: str = ""
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The flight has ended; these lanes have new work, and this is what the gate learnt."""

    wake: tuple[Lane, ...]
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Fenced:
    """The lease was no longer ours: nothing was changed, somebody else has the jobs."""
