"""For a shop's own tests: a producer that keeps everything in memory, and sends nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from onport_producers.receipt import Receipt, State, Summary
from onport_producers.storefront import Storefront
from onport_queue.clock import Clock, SystemClock
from onport_queue.fold import Fragment, Mode, folded
from onport_queue.jobs import Job, LinkJob, link_item
from onport_queue.names import Kind, Lane, job_key
from onport_queue.puts import PutBatch, PutOutcome, PutReply
from onport_queue.settings import Settings, load_settings

__all__ = ["MemoryProducer", "Receipt", "Sent", "State", "Summary"]

_TAGS = {Kind.ACKNOWLEDGE: "A", Kind.DISCONNECT: "D"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One item as Onport would get it: the job's id, what it delivers, and its payload."""

    id: str
    kind: Kind
    channel: str
    lane: Lane
    payload: Any


@dataclass(slots=True)
class _Held:
    channel: str
    lane: Lane
    kind: Kind
    fragments: list[Fragment] = field(default_factory=list)


class MemoryProducer(Storefront):
    """Does what `Producer` does, without Redis: validates, keys, folds, and answers alike.

    It knows no time-outs, no spool and no flights: a job is pending until `deliver`. What is put
    ahead of its time is pending from then on by the clock.
    """

    def __init__(self, settings: Settings | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(settings or load_settings(), clock or SystemClock())
        self._jobs: dict[str, _Held] = {}
        self._delivered: dict[str, int] = {}
        self._products: dict[str, bytes] = {}
        self._ahead: list[tuple[PutBatch, tuple[Lane, ...], int]] = []
        self._newest_ms = 0

    @property
    def pending(self) -> tuple[Sent, ...]:
        """What would be sent: new sales first, else in the order of the puts."""
        self._put_what_is_due()
        sent = [item for key, held in self._jobs.items() for item in _items(key, held)]
        return tuple(sorted(sent, key=lambda item: item.lane != Lane.HIGH))

    def deliver(self) -> tuple[Sent, ...]:
        """Let everything pending be delivered, and return it."""
        sent = self.pending
        for key, held in self._jobs.items():
            self._products.pop(key, None)
            if held.fragments[0].tag == "F":
                self._delivered[key] = held.fragments[0].version
                if held.kind is Kind.PRODUCT and len(held.fragments) == 1:
                    self._products[key] = held.fragments[0].body
        self._jobs.clear()
        return sent

    def _put(self, batch: PutBatch) -> PutReply:
        self._put_what_is_due()
        lanes = tuple(self._lane(batch, job) for job in batch.jobs)
        if batch.not_before_ms is not None and batch.not_before_ms > self._now_ms():
            self._ahead.append((batch, lanes, len(self._ahead)))
            outcomes = (PutOutcome.DELAYED,) * len(batch.jobs)
        else:
            outcomes = self._take(batch, lanes)
        depth = {lane: sum(held.lane == lane for held in self._jobs.values()) for lane in Lane}
        return PutReply(
            outcomes, (), depth[Lane.HIGH], depth[Lane.LOW], (), self._newest_ms, "", lanes
        )

    def _put_what_is_due(self) -> None:
        now_ms = self._now_ms()
        due = [ahead for ahead in self._ahead if (ahead[0].not_before_ms or 0) <= now_ms]
        for batch, lanes, _ in sorted(due, key=lambda ahead: (ahead[0].not_before_ms, ahead[2])):
            self._take(batch, lanes)
        self._ahead = [ahead for ahead in self._ahead if ahead not in due]
        self._newest_ms = max(self._newest_ms, now_ms)

    def _now_ms(self) -> int:
        return int(self._clock.wall().timestamp() * 1000)

    def _take(self, batch: PutBatch, lanes: Sequence[Lane]) -> tuple[PutOutcome, ...]:
        jobs: Sequence[Job | LinkJob] = batch.jobs
        return tuple(self._taken(batch, *each) for each in zip(jobs, lanes, strict=True))

    def _lane(self, batch: PutBatch, job: Job | LinkJob) -> Lane:
        key = job_key(batch.kind, batch.channel, job.key)
        is_known = key in self._jobs or key in self._delivered
        return batch.lane or (Lane.LOW if is_known else Lane.HIGH)

    def _taken(self, batch: PutBatch, job: Job | LinkJob, lane: Lane) -> PutOutcome:
        key = job_key(batch.kind, batch.channel, job.key)
        fragments = _fragments(batch, job, self._newest_ms)
        version, known = fragments[0].version, self._jobs.get(key)
        if batch.skip_unchanged and not known and self._products.get(key) == fragments[0].body:
            self._delivered[key] = max(version, self._delivered[key])
            return PutOutcome.UNCHANGED
        if fragments[0].tag == "F" and version < self._delivered.get(key, 0):
            return PutOutcome.SUPERSEDED
        held = known or _Held(batch.channel, lane, batch.kind)
        for new in fragments:
            held.fragments = _laid(held.fragments, new)
        if lane is Lane.HIGH:
            held.lane = Lane.HIGH
        self._jobs[key] = held
        return PutOutcome.FOLDED if known else PutOutcome.PENDING


def _fragments(batch: PutBatch, job: Job | LinkJob, now_ms: int) -> list[Fragment]:
    version = now_ms if job.version is None else job.version
    if batch.not_before_ms is not None:
        version = batch.not_before_ms
    if isinstance(job, LinkJob):
        tag = _TAGS[batch.kind]
        return [Fragment(tag, link.id, link.body, version) for link in job.links]
    tag = "P" if batch.mode is Mode.PARTIAL else "F"
    return [Fragment(tag, "", job.body, version)]


def _laid(fragments: Sequence[Fragment], new: Fragment) -> list[Fragment]:
    """Return the fragments with a new one among them; docs/queue.md, Folding and versions."""
    if new.link:
        return _wished(fragments, new)
    older = [one for one in fragments if one.version <= new.version]
    newer = [one for one in fragments if one.version > new.version]
    laid = [*older, new, *newer]
    newest_full = max((at for at, one in enumerate(laid) if one.tag == "F"), default=0)
    return laid[newest_full:]


def _wished(fragments: Sequence[Fragment], new: Fragment) -> list[Fragment]:
    old = next((one for one in fragments if one.link == new.link), None)
    if old is None:
        return [*fragments, new]
    if new.version < old.version:
        return list(fragments)
    if new.tag == old.tag:
        return [new if one is old else one for one in fragments]
    rest = [one for one in fragments if one is not old]
    # An item's other fields go with its links: once the last one is wished otherwise, they would
    # be an item that links nothing.
    if all(one.link.startswith("*") for one in rest if one.tag == old.tag):
        rest = [one for one in rest if one.tag != old.tag]
    return [*rest, new]


def _items(key: str, held: _Held) -> list[Sent]:
    """Return what a job becomes: one item, or of a variant one for each kind of wish."""
    if held.fragments[0].tag not in _TAGS.values():
        payload = json.loads(folded(held.fragments))
        return [Sent(key, held.kind, held.channel, held.lane, payload)]
    sku = key.split(":", 2)[2]
    items = []
    for tag in dict.fromkeys(one.tag for one in held.fragments):
        kind = next(kind for kind, its in _TAGS.items() if its == tag)
        body = link_item(sku, [one for one in held.fragments if one.tag == tag])
        items.append(Sent(key, kind, held.channel, held.lane, json.loads(body)))
    return items
