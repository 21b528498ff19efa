"""What the model of the queue holds, and how puts of one key are folded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from onport_queue.fold import Fragment
from onport_queue.names import Kind, Lane

REDIS_TIME = 10**12
"""Any version Redis gave: newer than those that callers give in tests, in order of arrival.

What is put ahead of its time is due on a `day` from now, and has REDIS_TIME + day as its version.
"""

TAGS = {Kind.ACKNOWLEDGE: "A", Kind.DISCONNECT: "D"}
WISHES = {tag: kind for kind, tag in TAGS.items()}
CRASHES_ALONE = 3
CRASHES = 20
REPLAYED = 2**52
"""Places from here on are those of replayed jobs."""


@dataclass
class Tries:
    """What earlier requests of a job taught."""

    attempts: int = 0
    crashes: int = 0
    alone: bool = False
    limit: int | None = None
    split: str | None = None
    first: int | None = None
    held: int = 0
    status: str | None = None
    lost: int = 0


@dataclass
class Content:
    """What a key holds: of a job, or waiting beside one that flies."""

    lane: Lane
    place: int
    put_at: int
    fragments: list[Fragment]
    state: str = "waiting"
    due: int = 0

    def fold(self, lane: Lane, newer: Iterable[Fragment]) -> None:
        self.fragments = folded_all(self.fragments, newer)
        if lane == Lane.HIGH:
            self.lane = Lane.HIGH


@dataclass(frozen=True, order=True)
class Later:
    """What was put ahead of its time; days are the model's time of day."""

    day: int
    key: str
    order: int
    lane: Lane = field(compare=False)
    fragments: list[Fragment] = field(compare=False)


@dataclass
class Flight:
    """What a lease holds."""

    stream: str
    keys: list[str]
    alone: bool
    ends: int
    split: str | None = None
    print: str = ""
    bytes: int = 0
    at: int = 0
    company: bool = False


def process_of(lease: str) -> str:
    """The process that holds a lease."""
    return lease.rpartition(":")[0] or lease


def folded_in(fragments: Sequence[Fragment], new: Fragment) -> list[Fragment]:
    """Return the fragments with a newer arrival among them."""
    if new.tag in WISHES:
        known = [old for old in fragments if old.link == new.link]
        if known and known[0].version > new.version:
            return list(fragments)
        if known and known[0].tag == new.tag:
            return [new if old.link == new.link else old for old in fragments]
        rest = [old for old in fragments if old.link != new.link]
        if known and not any(one.tag == known[0].tag and one.link[0] != "*" for one in rest):
            rest = [one for one in rest if one.tag != known[0].tag]
        return [*rest, new]
    ordered = sorted([*fragments, new], key=lambda fragment: fragment.version)
    newest_full = max((at for at, one in enumerate(ordered) if one.tag == "F"), default=0)
    return ordered[newest_full:]


def folded_all(fragments: list[Fragment], newer: Iterable[Fragment]) -> list[Fragment]:
    """Return the fragments with newer arrivals among them, one after the other."""
    for fragment in newer:
        fragments = folded_in(fragments, fragment)
    return fragments


def lane_of(stream: str) -> Lane:
    return Lane(stream.split(":", 1)[0])


def not_overtaken(waiting: Sequence[Fragment], delivered: Sequence[Fragment]) -> list[Fragment]:
    """Return what waited, less what the delivered fragments made old."""
    full = delivered[0].version if delivered[0].tag == "F" else 0
    links = {one.link: one.version for one in delivered if one.tag in WISHES}
    return [
        one
        for one in waiting
        if one.version >= (full if one.tag == "F" else links.get(one.link, 0))
    ]
