"""A flight: what a claim grants, how each of its jobs may end, what settling says. Values only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from onport_queue.fold import Fragment
from onport_queue.names import Kind, Lane

BURST = 2
"""Requests that may follow each other at once; the gate is a GCRA."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a claim is allowed: ceiling, the low lane's floor, size of a batch, term of a lease."""

    rate: float
    low_lane_share: float = 0.1
    batch_items: int = 50
    batch_bytes: int = 1_000_000
    lease_ms: int = 30_000
    burst: int = BURST

    @property
    def floor(self) -> int:
        """One token in so many is the low lane's; 0 is none."""
        return round(1 / self.low_lane_share) if self.low_lane_share > 0 else 0


@dataclass(frozen=True, slots=True)
class Item:
    """One job of a flight, as claimed."""

    key: str
    attempts: int
    first_attempt_ms_ago: int
    put_ms_ago: int
    fragments: tuple[Fragment, ...]


@dataclass(frozen=True, slots=True)
class Granted:
    """A token and a batch: one request that may be sent now, held under a lease."""

    lease: str
    kind: Kind
    channel: str
    lane: Lane
    more: bool
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """There is work; the next token comes in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Paused:
    """There may be work, but it is paused for so many seconds (None: until resumed)."""

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


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a flight: a verdict per job in the order of the claim, and what was answered.

    Attributes:
        sent: whether a request was made; only then does it count as an attempt.
        status: the HTTP status, or the name of what happened instead; empty if nothing is to be
        noted. text: the beginning of the answer, printable. pause_ms: pause of the whole account, 0
        for none, with its reason.
    """

    verdicts: Sequence[Verdict]
    sent: bool = True
    status: str = ""
    text: str = ""
    pause_ms: int = 0
    pause_reason: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """The flight has ended; these lanes have new work."""

    wake: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Fenced:
    """The lease was no longer ours: nothing was changed, somebody else has the jobs."""
