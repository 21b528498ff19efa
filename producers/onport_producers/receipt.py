"""What a producer gets for what it put."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from onport_queue.names import Lane


class State(StrEnum):
    """What became of a put."""

    PENDING = "pending"
    FOLDED = "folded"
    WAITING = "waiting"
    REVIVED = "revived"
    SUPERSEDED = "superseded"
    UNCHANGED = "unchanged"
    DELAYED = "delayed"
    DUPLICATE = "duplicate"
    SPOOLED = "spooled"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The relay has the job: Redis, or this host's spool.

    Attributes:
        id: the job, e.g. ``sale:default:1001``.
        lane: the lane asked for; a folded job keeps the higher one.
        state: pending (new), folded (into one that was not sent yet), waiting (its key is in
            flight), revived (a dead one lives again), superseded (Onport has a newer full payload
            already), unchanged (Onport has this very product), delayed (it is not due yet),
            duplicate (this very put was taken before), spooled (Redis is away; it gets the job when
            it is back).
        expected_at: when it should be delivered if nothing fails; an estimate. None if spooled.
        warnings: what is odd about the payload.
    """

    id: str
    lane: Lane
    state: State
    expected_at: datetime | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a bulk put: `accepted` is all, the others are how many of these.

    `warnings` is how many have any; `first_warning` names the first of these jobs, the field and
    what is odd about it, and is empty if there is none.
    """

    accepted: int = 0
    folded: int = 0
    superseded: int = 0
    unchanged: int = 0
    delayed: int = 0
    spooled: int = 0
    warnings: int = 0
    first_warning: str = ""
    expected_at: datetime | None = None
