"""A put: the jobs that are handed over in one step, and what becomes of them. Values only."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from onport_queue.fold import Mode
from onport_queue.jobs import Job, LinkJob
from onport_queue.names import Kind, Lane

JOBS_PER_PUT = 500


class PutOutcome(StrEnum):
    """What became of one job of a put."""

    PENDING = "pending"
    FOLDED = "folded"
    WAITING = "waiting"
    REVIVED = "revived"
    SUPERSEDED = "superseded"
    UNCHANGED = "unchanged"
    DELAYED = "delayed"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class PutBatch:
    """Jobs of one kind for one channel and lane, put in one step under one random put id.

    A job without a version gets Redis time, but none later than `latest_ms`: when whoever puts it
    gives up, or `kept` it while Redis was away. A put that Redis reads only then, out of a
    connection that was given up, must not look newer than those that were made since.

    Without a lane each job has its own: high if the queue knows nothing of its key, low if it holds
    it or has delivered it.

    With `not_before_ms`, a time of day since 1970, its jobs stay outside their keys until then, and
    have that time as their version. With `skip_unchanged`, products that Onport has are left out.
    """

    put_id: bytes
    kind: Kind
    channel: str
    lane: Lane | None
    jobs: Sequence[Job] | Sequence[LinkJob]
    mode: Mode = Mode.FULL
    latest_ms: int | None = None
    kept: bool = False
    not_before_ms: int | None = None
    skip_unchanged: bool = False


@dataclass(frozen=True, slots=True)
class PutReply:
    """Outcomes in the order of the jobs, the lanes that need waking, the depths after the put.

    `redis_ms` is the version that a job without one gets now; `epoch` names the broker's data, ''
    if nobody has asked for its name yet; `lanes` are those of the jobs.
    """

    outcomes: tuple[PutOutcome, ...]
    wake: tuple[Lane, ...]
    pending_high: int
    pending_low: int
    overgrown: tuple[int, ...]
    redis_ms: int
    epoch: str
    lanes: tuple[Lane, ...]
