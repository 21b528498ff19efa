"""A queue whose clock stands still until a test moves it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import redis

from onport_queue.flight import Claim, Gate
from onport_queue.jobs import Job, Link, LinkJob
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch, PutReply
from onport_queue.store import Queue

CHANNELS = ("default", "other", "a", "b")


def everywhere(*prints: str) -> dict[str, tuple[str, ...]]:
    """Return what a worker has that sends to every channel with the same hashes."""
    return dict.fromkeys(CHANNELS, prints)


FAST = Gate(rate=1e6, prints=everywhere(""))
"""A gate that never makes a claim wait once the clock has moved by a millisecond."""

_FUTURE_MS = 4_000_000_000_000
_START_MS = 1_800_000_000_000
_accounts = itertools.count(1)


@dataclass
class Bench:
    """One account's queue on a real broker, with its clock in the hand of the test.

    The scripts take a `wall` in the future for a clock that was stepped back and let the queue's
    clock stand still over it; written before every call, it leaves `now` to the test alone.
    """

    redis: redis.Redis
    account: str = field(default_factory=lambda: f"bench-{next(_accounts)}")
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self._queue = Queue(self.redis, self.account)
        self.hold()

    def hold(self) -> None:
        """Take the clock of a queue without data into the hand."""
        self.redis.hset(self.key("meta"), mapping={"wall": _FUTURE_MS, "now": _START_MS})

    @property
    def queue(self) -> Queue:
        """The queue, its clock held for the next call."""
        self.redis.hset(self.key("meta"), "wall", _FUTURE_MS)
        return self._queue

    @property
    def running(self) -> Queue:
        """The queue with its clock as the last call left it."""
        return self._queue

    def key(self, suffix: str) -> str:
        return f"onport-relay:{{{self.account}}}:{suffix}"

    @property
    def prefix(self) -> str:
        """What the names of all the account's keys begin with."""
        return self.key("")

    def pass_ms(self, ms: float) -> None:
        """Move the queue's clock."""
        self.redis.hincrbyfloat(self.key("meta"), "now", ms)

    def come_due(self, until_ms: int) -> None:
        """Let what was put ahead be due, if it is so by then; its version stays that time."""
        due = self.redis.zrangebyscore(self.key("later"), "-inf", until_ms)
        for name in due:
            self.redis.zincrby(self.key("later"), -_START_MS, cast("bytes", name))

    def now_ms(self) -> float:
        """The queue's clock as stored."""
        return float(self.redis.hget(self.key("meta"), "now") or 0)

    def put(
        self,
        *keys: str,
        kind: Kind = Kind.SALE,
        lane: Lane | None = Lane.LOW,
        channel: str = "default",
        body: bytes = b"{}",
        version: int | None = None,
    ) -> PutReply:
        """Put one job per key, all with one body, under a new put id."""
        jobs = [Job(key, body, version) for key in keys]
        return self.queue.put(PutBatch(self._put_id(), kind, channel, lane, jobs))

    def put_links(self, kind: Kind, sku: str, *links: str, version: int | None = None) -> PutReply:
        """Put wishes of one kind about links of one variant."""
        job = LinkJob(sku, tuple(Link(link, b'"%s"' % link.encode()) for link in links), version)
        return self.queue.put(PutBatch(self._put_id(), kind, "default", Lane.LOW, [job]))

    def claim(self, lane: Lane = Lane.LOW, gate: Gate = FAST) -> Claim:
        """Claim under a new lease."""
        return self.queue.claim(lane, gate, f"lease-{next(self._ids)}")

    def _put_id(self) -> bytes:
        return b"put-%d" % next(self._ids)
