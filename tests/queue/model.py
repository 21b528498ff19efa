"""The queue in plain Python: what the scripts promise, without Redis, for one account.

Time is `now`, in whole ms, moved by the test. Bodies are opaque, as they are to the scripts.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from onport_queue.flight import (
    Claim,
    Dead,
    Delivered,
    Empty,
    Fenced,
    Gate,
    Granted,
    Halve,
    Item,
    Paused,
    Released,
    Retry,
    Settled,
    Settlement,
    Verdict,
)
from onport_queue.fold import Fragment, Run
from onport_queue.jobs import LinkJob
from onport_queue.names import Kind, Lane, job_key
from onport_queue.store import PutBatch

REDIS_TIME = 10**12
"""Any version Redis gave: newer than those that callers give in tests, in order of arrival."""

TAGS = {Kind.ACKNOWLEDGE: "A", Kind.DISCONNECT: "D"}
WISHES = {tag: kind for kind, tag in TAGS.items()}
CRASHES_ALONE = 3


@dataclass
class Tries:
    """What earlier requests of a job taught."""

    attempts: int = 0
    crashes: int = 0
    alone: bool = False
    limit: int | None = None
    first: int | None = None
    status: str | None = None


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
        for fragment in newer:
            self.fragments = folded_in(self.fragments, fragment)
        if lane == Lane.HIGH:
            self.lane = Lane.HIGH


@dataclass
class Flight:
    """What a lease holds."""

    stream: str
    keys: list[str]
    alone: bool
    ends: int


def folded_in(fragments: Sequence[Fragment], new: Fragment) -> list[Fragment]:
    """Return the fragments with a newer arrival among them."""
    if new.tag in WISHES:
        known = [old for old in fragments if old.link == new.link]
        if known and known[0].version > new.version:
            return list(fragments)
        if known and known[0].tag == new.tag:
            return [new if old.link == new.link else old for old in fragments]
        return [*(old for old in fragments if old.link != new.link), new]
    ordered = sorted([*fragments, new], key=lambda fragment: fragment.version)
    newest_full = max((at for at, one in enumerate(ordered) if one.tag == "F"), default=0)
    return ordered[newest_full:]


@dataclass
class Model:
    """The same operations as `Queue`, on Python values."""

    now: int = 0
    jobs: dict[str, Content] = field(default_factory=dict)
    waiting: dict[str, Content] = field(default_factory=dict)
    tries: dict[str, Tries] = field(default_factory=dict)
    flights: dict[str, Flight] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    pauses: dict[str, int | None] = field(default_factory=dict)
    history: dict[str, int] = field(default_factory=dict)
    ledger: Counter[str] = field(default_factory=Counter)
    looked: dict[Lane, int] = field(default_factory=dict)
    put_ids: set[bytes] = field(default_factory=set)
    rate: float | None = None
    highs: int = 0
    _turn: int = 0
    _seq: int = 0
    attended: dict[Lane, float] = field(default_factory=dict)
    _woken: set[Lane] = field(default_factory=set)

    def put(self, batch: PutBatch) -> tuple[list[str], set[Lane]]:
        self._woken = set()
        self.ledger["accepted"] += len(batch.jobs)
        if batch.put_id in self.put_ids:
            self.ledger["duplicate"] += len(batch.jobs)
            return ["duplicate"] * len(batch.jobs), set()
        self.put_ids.add(batch.put_id)
        outcomes = []
        for job in batch.jobs:
            version = REDIS_TIME if job.version is None else job.version
            key = job_key(batch.kind, batch.channel, job.key)
            if isinstance(job, LinkJob):
                tag = TAGS[batch.kind]
                given = [Fragment(tag, link.id, link.body, version) for link in job.links]
            else:
                given = [Fragment(batch.mode[0].upper(), "", job.body, version)]
            outcomes.append(self._put_one(key, batch.lane, given))
        return outcomes, {lane for lane in self._woken if not self._attended(lane)}

    def claim(self, lane: Lane, gate: Gate, lease: str) -> Claim:
        self.promote()
        if lease in self.flights:
            return self._as_granted(lease, self.flights[lease], more=False)
        if "account" in self.pauses:
            return Paused(self._left("account"))
        stream = self._next(Lane.LOW) if gate.floor and self.highs >= gate.floor - 1 else None
        stream = stream or self._next(Lane.HIGH)
        if stream is None and lane == Lane.LOW:
            stream = self._next(Lane.LOW)
        if stream is None:
            asked = {Lane.HIGH, lane}
            if not any(lane_of(other) in asked for other in self.turns):
                return Empty()
            bounded = [self._left(scope) for scope, until in self.pauses.items() if until]
            return Paused(min((left for left in bounded if left is not None), default=None))
        return self._take(stream, lane, gate, lease)

    def renew(self, leases: Sequence[str], term_ms: int) -> frozenset[str]:
        held = {lease for lease in leases if self._held(lease)}
        for lease in held:
            self.flights[lease].ends = self.now + term_ms
        return frozenset(held)

    def settle(self, lease: str, settlement: Settlement) -> Settled | Fenced:
        self._woken = set()
        if not self._held(lease):
            self.ledger["fenced"] += 1
            return Fenced()
        flight = self.flights.pop(lease)
        for key, verdict in zip(flight.keys, settlement.verdicts, strict=True):
            self.ledger["retried"] += isinstance(verdict, Retry)
            self.ledger["released"] += isinstance(verdict, Released)
            self._land(key, verdict, flight, sent=settlement.sent, status=settlement.status)
        if settlement.pause_ms:
            self._lengthen_pause(self.now + settlement.pause_ms)
        return Settled(tuple(sorted(self._woken)))

    def look(self, lanes: Sequence[Lane], every_ms: int) -> tuple[Lane, ...]:
        due = [lane for lane in lanes if self.now - self.looked.get(lane, -every_ms) >= every_ms]
        if due:
            self.promote()
        self.looked.update(dict.fromkeys(due, self.now))
        return tuple(
            sorted(lane for lane in due if "account" not in self.pauses and self._next(lane))
        )

    def pause(self, scope: str, seconds: int | None) -> None:
        self.pauses[scope] = None if seconds is None else self.now + seconds * 1000

    def resume(self, scope: str) -> None:
        if scope:
            self.pauses.pop(scope, None)
        else:
            self.pauses.clear()

    def compact(self, key: str, run: Run | None) -> bool:
        job = self.jobs.get(key)
        if job is None or run is None or job.state not in ("pending", "delayed"):
            return False
        end = run.first + run.many
        body = replace(job.fragments[end - 1], body=run.body)
        job.fragments[run.first : end] = [body]
        return True

    def promote(self) -> None:
        """Due retries and expired leases become pending again; pauses that are over are gone."""
        for key, job in self.jobs.items():
            if job.state == "delayed" and job.due <= self.now:
                self._enter(key)
        for lease in [lease for lease in self.flights if not self._held(lease)]:
            flight = self.flights.pop(lease)
            self.ledger["expired"] += 1
            for key in flight.keys:
                self._land(key, None, flight, sent=False, status="")
        self.drop_ended_pauses()

    def drop_ended_pauses(self) -> None:
        self.pauses = {
            scope: until
            for scope, until in self.pauses.items()
            if until is None or until > self.now
        }

    def in_state(self, state: str) -> set[str]:
        return {key for key, job in self.jobs.items() if job.state == state}

    def pending_in(self, stream: str) -> list[str]:
        """The keys of a stream in the order of their places."""
        keys = [key for key in self.in_state("pending") if self.stream_of(key) == stream]
        return sorted(keys, key=lambda key: self.jobs[key].place)

    def stream_of(self, key: str) -> str:
        job = self.jobs[key]
        family, channel, _ = key.split(":", 2)
        return f"{job.lane}:{channel}:{WISHES.get(job.fragments[0].tag, family)}"

    def _put_one(self, key: str, lane: Lane, given: list[Fragment]) -> str:
        first = given[0]
        if first.tag == "F" and first.version < self.history.get(key, 0):
            self.ledger["superseded"] += 1
            return "superseded"
        fragments: list[Fragment] = []
        for fragment in given:
            fragments = folded_in(fragments, fragment)
        job = self.jobs.get(key)
        if job is None:
            self.jobs[key] = self._content(lane, fragments)
            self._enter(key)
            return "pending"
        if job.state == "in flight":
            if key not in self.waiting:
                self.waiting[key] = self._content(lane, fragments)
                return "waiting"
            self.waiting[key].fold(lane, fragments)
            self.ledger["folded"] += 1
            return "folded"
        self.ledger["folded"] += 1
        before = self.stream_of(key)
        state = job.state
        job.fold(lane, fragments)
        if state == "dead":
            self.tries.pop(key, None)
            self._seq += 1
            job.place = self._seq
            self._enter(key)
            return "revived"
        if state == "pending" and before != self.stream_of(key):
            if not self.pending_in(before):
                del self.turns[before]
            self._enter(key)
        return "folded"

    def _take(self, stream: str, lane: Lane, gate: Gate, lease: str) -> Granted:
        kind = Kind(stream.rsplit(":", 1)[1])
        most = 1 if kind == Kind.SALE else gate.batch_items
        keys: list[str] = []
        size = 0
        for key in self.pending_in(stream):
            tries = self.tries.get(key, Tries())
            limit = 1 if tries.alone else tries.limit or most
            bytes_ = sum(len(fragment.body) for fragment in self._sent(key, kind))
            if keys and (len(keys) >= min(most, limit) or size + bytes_ > gate.batch_bytes):
                break
            most = min(most, limit)
            size += bytes_
            keys.append(key)
        self._leave(keys)
        self._turn += 1
        if stream in self.turns:
            self.turns[stream] = self._turn
        alone = any(self.tries.get(key, Tries()).alone for key in keys)
        self.flights[lease] = Flight(stream, keys, alone, self.now + gate.lease_ms)
        for key in keys:
            self.jobs[key].state = "in flight"
        is_high = lane_of(stream) == Lane.HIGH
        self.highs = min(self.highs + 1, max(gate.floor - 1, 0)) if is_high else 0
        self.ledger["requests"] += 1
        more = self._next(Lane.HIGH) or (lane == Lane.LOW and self._next(Lane.LOW))
        interval = 1000 / min(self.rate or gate.rate, gate.rate)
        self.attended[lane] = self.now + min(3 * interval, 1000) if more else 0
        return self._as_granted(lease, self.flights[lease], more=bool(more))

    def _as_granted(self, lease: str, flight: Flight, *, more: bool) -> Granted:
        lane, channel, kind = flight.stream.split(":")
        items = tuple(self._item(key, Kind(kind)) for key in flight.keys)
        return Granted(lease, Kind(kind), channel, Lane(lane), more, items)

    def _item(self, key: str, kind: Kind) -> Item:
        tries, job = self.tries.get(key, Tries()), self.jobs[key]
        first_ago = 0 if tries.first is None else self.now - tries.first
        sent = tuple(replace(fragment, version=0) for fragment in self._sent(key, kind))
        return Item(key, tries.attempts, first_ago, self.now - job.put_at, sent)

    def _sent(self, key: str, kind: Kind) -> list[Fragment]:
        return [one for one in self.jobs[key].fragments if WISHES.get(one.tag, kind) == kind]

    def _land(
        self, key: str, verdict: Verdict | None, flight: Flight, *, sent: bool, status: str
    ) -> None:
        job, content = self.jobs[key], self.waiting.pop(key, None)
        if isinstance(verdict, Delivered):
            self._land_delivered(key, Kind(flight.stream.rsplit(":", 1)[1]), content)
            return
        tries = self.tries.setdefault(key, Tries())
        if sent:
            tries.attempts += 1
            tries.first = self.now if tries.first is None else tries.first
            tries.status = status or tries.status
        dies = isinstance(verdict, Dead)
        if verdict is None:
            tries.crashes += flight.alone
            tries.alone = True
            if tries.crashes >= CRASHES_ALONE:
                dies, tries.status = True, "poison"
        if isinstance(verdict, Halve):
            tries.limit = max(1, len(flight.keys) // 2)
        if content:
            job.fold(content.lane, content.fragments)
            self.ledger["folded"] += 1
        if dies and content:
            del self.tries[key]
        elif dies:
            job.state = "dead"
            self.ledger["died"] += 1
            return
        if isinstance(verdict, Retry):
            job.state, job.due = "delayed", self.now + verdict.delay_ms
        else:
            self._enter(key)

    def _land_delivered(self, key: str, kind: Kind, content: Content | None) -> None:
        job = self.jobs[key]
        self.tries.pop(key, None)
        rest = [one for one in job.fragments if WISHES.get(one.tag, kind) != kind]
        if rest:
            job.fragments = rest
            if content:
                job.fold(content.lane, content.fragments)
                self.ledger["folded"] += 1
            self._enter(key)
            return
        self.ledger["delivered"] += 1
        delivered = job.fragments[0].version if job.fragments[0].tag == "F" else 0
        if delivered:
            self.history[key] = delivered
        del self.jobs[key]
        if content is None:
            return
        content.fragments = [
            one for one in content.fragments if one.tag != "F" or one.version >= delivered
        ]
        if not content.fragments:
            self.ledger["superseded"] += 1
            return
        self.jobs[key] = content
        self._enter(key)

    def _content(self, lane: Lane, fragments: list[Fragment]) -> Content:
        self._seq += 1
        return Content(lane, self._seq, self.now, fragments)

    def _enter(self, key: str) -> None:
        job, stream = self.jobs[key], self.stream_of(key)
        job.state = "pending"
        if stream not in self.turns:
            self.turns[stream] = self._turn
            self._woken.add(job.lane)

    def _leave(self, keys: Sequence[str]) -> None:
        streams = {self.stream_of(key) for key in keys}
        for key in keys:
            self.jobs[key].state = "leaving"
        for stream in streams:
            if not self.pending_in(stream):
                del self.turns[stream]

    def _next(self, lane: Lane) -> str | None:
        if f"lane:{lane}" in self.pauses:
            return None
        for stream in sorted(self.turns, key=lambda stream: (self.turns[stream], stream)):
            channel = stream.split(":")[1]
            stopped = {f"channel:{channel}", f"stream:{stream}"} & self.pauses.keys()
            if lane_of(stream) == lane and not stopped:
                return stream
        return None

    def _attended(self, lane: Lane) -> bool:
        # A drain of the low lane takes high work first.
        by = (Lane.HIGH, Lane.LOW) if lane == Lane.HIGH else (Lane.LOW,)
        return any(self.attended.get(one, 0) >= self.now for one in by)

    def _held(self, lease: str) -> bool:
        return lease in self.flights and self.flights[lease].ends > self.now

    def _left(self, scope: str) -> float | None:
        until = self.pauses[scope]
        return None if until is None else math.ceil(until - self.now) / 1000

    def _lengthen_pause(self, until: int) -> None:
        standing = self.pauses.get("account", 0)
        if standing is not None and standing < until:
            self.pauses["account"] = until


def lane_of(stream: str) -> Lane:
    return Lane(stream.split(":", 1)[0])
