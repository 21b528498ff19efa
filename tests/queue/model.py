"""The queue in plain Python: what the scripts promise, without Redis, for one account.

Time is `now`, in whole ms, moved by the test. Bodies are opaque, as they are to the scripts.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.queue.model_answers import (
    OTHERS_UNCLAIMED,
    Outage,
    Pauses,
    Refusals,
    Sizes,
    Split,
    Stream,
    doubling,
)
from tests.queue.model_jobs import (
    CRASHES,
    CRASHES_ALONE,
    REDIS_TIME,
    REPLAYED,
    TAGS,
    WISHES,
    Content,
    Flight,
    Later,
    Tries,
    folded_all,
    lane_of,
    not_overtaken,
    process_of,
)

from onport_queue.flight import (
    ANY_PRINT,
    Answer,
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
    Prints,
    Released,
    Retry,
    Settled,
    Settlement,
    Verdict,
)
from onport_queue.fold import Fragment, Run
from onport_queue.jobs import Job, LinkJob
from onport_queue.names import Kind, Lane, job_key
from onport_queue.puts import PutBatch


@dataclass
class Model:
    """The same operations as `Queue`, on Python values."""

    now: int = 0
    jobs: dict[str, Content] = field(default_factory=dict)
    waiting: dict[str, Content] = field(default_factory=dict)
    tries: dict[str, Tries] = field(default_factory=dict)
    flights: dict[str, Flight] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    pauses: Pauses = field(default_factory=Pauses)
    outage: Outage = field(default_factory=Outage)
    sizes: Sizes = field(default_factory=Sizes)
    settled: dict[str, int] = field(default_factory=dict)
    history: dict[str, int] = field(default_factory=dict)
    ledger: Counter[str] = field(default_factory=Counter)
    looked: dict[Lane, int] = field(default_factory=dict)
    put_ids: set[bytes] = field(default_factory=set)
    later: list[Later] = field(default_factory=list)
    day: int = 0
    newest: int = REDIS_TIME
    digests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    prints: dict[str, Sequence[str]] = field(default_factory=dict)
    rate: float | None = None
    highs: int = 0
    unasked: int = 0
    refused_at: int | None = None
    _turn: int = 0
    _seq: int = 0
    attended: dict[Lane, float] = field(default_factory=dict)
    _woken: set[Lane] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.pauses)

    def put(self, batch: PutBatch) -> tuple[list[str], set[Lane], list[Lane]]:
        self._woken = set()
        self.ledger["accepted"] += len(batch.jobs)
        if batch.put_id in self.put_ids:
            self.ledger["duplicate"] += len(batch.jobs)
            return (
                ["duplicate"] * len(batch.jobs),
                set(),
                [batch.lane or Lane.HIGH] * len(batch.jobs),
            )
        self.put_ids.add(batch.put_id)
        outcomes = []
        lanes = [self._lane(batch, job.key) for job in batch.jobs]
        day = None if batch.not_before_ms is None else batch.not_before_ms - REDIS_TIME
        jobs: Sequence[Job | LinkJob] = batch.jobs
        for job, lane in zip(jobs, lanes, strict=True):
            version = self.newest if job.version is None else job.version
            if batch.not_before_ms is not None:
                version = batch.not_before_ms
            key = job_key(batch.kind, batch.channel, job.key)
            if isinstance(job, LinkJob):
                tag = TAGS[batch.kind]
                given = [Fragment(tag, link.id, link.body, version) for link in job.links]
            else:
                given = [Fragment(batch.mode[0].upper(), "", job.body, version)]
            if day is not None and day > self.day:
                self._seq += 1
                folded = folded_all([], given)
                self.later.append(Later(day, key, self._seq, lane, folded))
                outcomes.append("delayed")
            elif batch.skip_unchanged and self._is_unchanged(key, batch.channel, given):
                self.ledger["unchanged"] += 1
                self.history[key] = max(self.history.get(key, 0), version)
                outcomes.append("unchanged")
            else:
                outcomes.append(self._put_one(key, lane, given))
        return outcomes, {lane for lane in self._woken if not self._attended(lane)}, lanes

    def _lane(self, batch: PutBatch, name: str) -> Lane:
        key = job_key(batch.kind, batch.channel, name)
        is_known = key in self.jobs or key in self.history
        return batch.lane or (Lane.LOW if is_known else Lane.HIGH)

    def claim(self, lane: Lane, gate: Gate, lease: str) -> Claim:
        self.promote_expired()
        self.promote_later()
        self.pauses.drop_ended(self.now)
        if lease in self.flights:
            return self._as_granted(lease, self.flights[lease], more=False)
        if lease in self.settled:
            return Empty()
        if self.pauses.stops(["account"]):
            return Paused(self.pauses.left_s(self._is_held, self.now))
        if self.outage.openings and self._is_held(self.outage.probe):
            return Paused(1.0)
        if self._may_retry(gate.prints):
            self.promote_due()
        stream = self._choose(lane, gate)
        if stream is None:
            asked = {Lane.HIGH, lane}
            if not any(lane_of(other) in asked for other in self.turns):
                return Empty()
            return Paused(self.pauses.left_s(self._is_held, self.now))
        return self._take(stream, lane, gate, lease)

    def renew(self, leases: Sequence[str], term_ms: int) -> frozenset[str]:
        held = {lease for lease in leases if self._is_held(lease)}
        for lease in held:
            self.flights[lease].ends = self.now + term_ms
        return frozenset(held)

    def settle(self, lease: str, settlement: Settlement) -> Settled | Fenced:
        self._woken = set()
        if lease not in self.flights and lease in self.settled:
            return Settled(())
        if not self._is_held(lease):
            is_outcome = settlement.answer != Answer.NONE or settlement.sent
            self.ledger["fenced"] += is_outcome
            return Fenced()
        flight = self.flights[lease]
        self._land_flight(lease, settlement)
        self.settled = {one: at for one, at in self.settled.items() if at > self.now - 60_000}
        self.settled[lease] = self.now
        self._learn(lease, flight, settlement)
        return Settled(tuple(sorted(self._woken)))

    def look(
        self, lanes: Sequence[Lane], every_ms: int, prints: Prints = ANY_PRINT
    ) -> tuple[Lane, ...]:
        due = [lane for lane in lanes if self.now - self.looked.get(lane, -every_ms) >= every_ms]
        self.looked.update(dict.fromkeys(due, self.now))
        if not due:
            return ()
        self.prints.update(prints)
        self.promote_expired()
        self.promote_later()
        self.pauses.drop_ended(self.now)
        if self._may_retry(prints):
            self.promote_due()
        probing = self.outage.openings and self._is_held(self.outage.probe)
        if self.pauses.stops(["account"]) or probing:
            return ()
        for stream in self.turns:
            is_open = not self.pauses.stops(Stream.of(stream).scopes)
            if is_open and self._print_for(stream, prints) is None and lane_of(stream) in due:
                self.looked.pop(lane_of(stream), None)
        return tuple(sorted(lane for lane in due if self._next(lane, prints)))

    def pause(self, scope: str, seconds: int | None) -> None:
        until = None if seconds is None else self.now + seconds * 1000
        self.pauses.begin(scope, "operator", until, self.now)

    def resume(self, scope: str) -> int:
        self.pauses.drop_ended(self.now)
        return self.pauses.resume(scope, self.now)

    def set_rate(self, rate: float | None) -> None:
        self.rate, self.unasked, self.refused_at = rate, 0, None

    def replay(self, keys: Sequence[str]) -> tuple[int, set[Lane]]:
        self._woken = set()
        dead = [key for key in keys if key in self.in_state("dead")]
        for key in dead:
            self.tries.pop(key, None)
            self._seq += 1
            self.jobs[key].place = REPLAYED + self._seq
            self._enter(key)
        return len(dead), self._woken

    def discard(self, keys: Sequence[str]) -> int:
        dead = [key for key in keys if key in self.in_state("dead")]
        for key in dead:
            self.tries.pop(key, None)
            del self.jobs[key]
        self.ledger["discarded"] += len(dead)
        return len(dead)

    def forget(self, key: str) -> str:
        job = self.jobs.get(key)
        if job and job.state == "in flight":
            return "in flight"
        self.history.pop(key, None)
        self.digests.pop(key, None)
        later = [put for put in self.later if put.key == key]
        self.later = [put for put in self.later if put.key != key]
        self.ledger["discarded"] += len(later)
        if job is None:
            return "delayed" if later else ""
        tries = self.tries.pop(key, None)
        if tries and tries.split in self.sizes.splits:
            self.sizes.splits[tries.split].left -= 1
            self.sizes.finish(tries.split)
        state = job.state
        if state == "pending":
            self._leave([key])
        del self.jobs[key]
        self.ledger["discarded"] += 1
        return state

    def compact(self, key: str, run: Run | None) -> bool:
        job = self.jobs.get(key)
        if job is None or run is None or job.state not in ("pending", "delayed"):
            return False
        end = run.first + run.many
        body = job.fragments[end - 1]._replace(body=run.body)
        job.fragments[run.first : end] = [body]
        return True

    def promote_due(self) -> None:
        """Due retries become pending again."""
        due = [key for key in self.in_state("delayed") if self.jobs[key].due <= self.now]
        for key in sorted(due, key=lambda key: (self.jobs[key].due, key)):
            self._enter(key)

    def promote_later(self) -> None:
        """What was put ahead of its time and is due is put."""
        for put in sorted(put for put in self.later if put.day <= self.day):
            self.later.remove(put)
            self._put_one(put.key, put.lane, put.fragments)
            self.newest = max(self.newest, put.fragments[0].version)

    def promote_expired(self) -> None:
        """Expired leases give their jobs back."""
        expired = [lease for lease in self.flights if not self._is_held(lease)]
        for lease, flight in self.flights.items():
            lost = [other for other in expired if process_of(other) == process_of(lease)]
            flight.company |= bool(lost) and lost != [lease]
        for lease in expired:
            self.ledger["expired"] += 1
            self._land_flight(lease, None)

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
        fragments = folded_all([], given)
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
        replayed = state == "pending" and job.place >= REPLAYED
        if state == "dead" or replayed:
            self._seq += 1
            job.place = self._seq
        if state == "dead":
            self.tries.pop(key, None)
            self._enter(key)
            return "revived"
        if state == "pending" and (replayed or before != self.stream_of(key)):
            job.state = "moving"
            if not self.pending_in(before):
                del self.turns[before]
            self._enter(key)
        return "folded"

    def _is_unchanged(self, key: str, channel: str, given: list[Fragment]) -> bool:
        if key in self.jobs or key not in self.digests:
            return False
        body, used = self.digests[key]
        return (
            given[0].tag == "F" and given[0].body == body and used in self.prints.get(channel, ())
        )

    def _choose(self, lane: Lane, gate: Gate) -> str | None:
        low = None
        if gate.floor and self.highs >= gate.floor - 1:
            low = self._next(Lane.LOW, gate.prints)
        found = low or self._next(Lane.HIGH, gate.prints)
        if found is None and lane == Lane.LOW:
            found = self._next(Lane.LOW, gate.prints)
        return found

    def _may_retry(self, prints: Prints) -> bool:
        if not (self.outage.openings or self.outage.failures):
            return True
        if self._is_held(self.outage.probe):
            return False
        others = any(self._next(lane, prints) for lane in Lane)
        since = max(self.outage.at, self.outage.until)
        return not others or self.now - since > OTHERS_UNCLAIMED

    def _take(self, stream: str, lane: Lane, gate: Gate, lease: str) -> Granted:
        of = Stream.of(stream)
        used = self._print_for(stream, gate.prints)
        assert used is not None
        most, most_bytes = self.sizes.bounds(of.kind, gate.batch_items, gate.batch_bytes)
        if of.kind == Kind.SALE:
            most = 1
        keys: list[str] = []
        size = 0
        first = Tries()
        for key in self.pending_in(stream)[:most]:
            tries = self.tries.get(key, Tries())
            bytes_ = sum(len(fragment.body) for fragment in self._sent(key, of.kind))
            if not keys:
                first = tries
                most = 1 if tries.alone else min(most, tries.limit or most)
            elif (
                tries.alone
                or (tries.split, tries.limit) != (first.split, first.limit)
                or size + bytes_ > most_bytes
            ):
                break
            size += bytes_
            keys.append(key)
            if len(keys) >= most:
                break
        self._leave(keys)
        self._turn += 1
        if stream in self.turns:
            self.turns[stream] = self._turn
        self.flights[lease] = Flight(
            stream,
            keys,
            first.alone,
            self.now + gate.lease_ms,
            split=first.split,
            print=used,
            bytes=size,
            at=self.now,
        )
        self.refusals.note_probe(of, used, lease, self.now)
        if self.outage.openings:
            self.outage.probe = lease
        for key in keys:
            self.jobs[key].state = "in flight"
            self.digests.pop(key, None)
        is_high = lane_of(stream) == Lane.HIGH
        self.highs = min(self.highs + 1, max(gate.floor - 1, 0)) if is_high else 0
        self.ledger["requests"] += 1
        more = self._next(Lane.HIGH, gate.prints) or (
            lane == Lane.LOW and self._next(Lane.LOW, gate.prints)
        )
        # The interval of the model's rates is far below a millisecond.
        self.attended[lane] = self.now if more and not self.outage.openings else 0
        return self._as_granted(lease, self.flights[lease], more=bool(more))

    def _as_granted(self, lease: str, flight: Flight, *, more: bool) -> Granted:
        lane, channel, kind = flight.stream.split(":")
        items = tuple(self._item(key, Stream.of(flight.stream)) for key in flight.keys)
        return Granted(lease, Kind(kind), channel, Lane(lane), more, items, flight.print)

    def _item(self, key: str, stream: Stream) -> Item:
        tries, job = self.tries.get(key, Tries()), self.jobs[key]
        first_ago = 0
        if tries.first is not None:
            held = self.pauses.held_ms(stream, self.now) - tries.held
            first_ago = max(0, self.now - tries.first - held)
        sent = tuple(fragment._replace(version=0) for fragment in self._sent(key, stream.kind))
        return Item(key, tries.attempts, first_ago, self.now - job.put_at, sent)

    def _sent(self, key: str, kind: Kind) -> list[Fragment]:
        return [one for one in self.jobs[key].fragments if WISHES.get(one.tag, kind) == kind]

    def release(self, lease: str, *, sent: bool) -> Settled | Fenced:
        flight = self.flights.get(lease)
        verdicts = [Released()] * (len(flight.keys) if flight else 1)
        text = ("ambiguous", "the worker stopped before it was answered") if sent else ("", "")
        return self.settle(lease, Settlement(verdicts, Answer.NONE, sent, *text))

    def _land_flight(self, lease: str, settlement: Settlement | None) -> None:
        """End a flight; None is an expired lease."""
        flight = self.flights.pop(lease)
        split = self.sizes.splits.get(flight.split) if flight.split else None
        answer = settlement.answer if settlement else Answer.NONE
        if split and answer == Answer.ACCEPTED:
            split.most = max(split.most, len(flight.keys))
        if split and answer == Answer.REFUSED:
            split.least = min(split.least, len(flight.keys))
        name = flight.split or lease
        verdicts = settlement.verdicts if settlement else [None] * len(flight.keys)
        for key, verdict in zip(flight.keys, verdicts, strict=True):
            self.ledger["retried"] += isinstance(verdict, Retry)
            self.ledger["released"] += isinstance(verdict, Released)
            if isinstance(verdict, Halve) and name not in self.sizes.splits:
                many = len(flight.keys)
                self.sizes.splits[name] = Split(Stream.of(flight.stream).kind, many, many)
            self._land(key, verdict, flight, name, settlement)
        if name in self.sizes.splits:
            if settlement and settlement.status == "413":
                self.sizes.splits[name].bytes = True
            self.sizes.finish(name)

    def _land(
        self,
        key: str,
        verdict: Verdict | None,
        flight: Flight,
        split: str,
        settlement: Settlement | None,
    ) -> None:
        job, content = self.jobs[key], self.waiting.pop(key, None)
        stream = Stream.of(flight.stream)
        if isinstance(verdict, Delivered):
            self._leave_split(key, split, guilty=False)
            self._land_delivered(key, stream.kind, content, flight.print)
            return
        tries = self.tries.setdefault(key, Tries())
        if settlement and settlement.sent:
            tries.attempts += 1
            if tries.first is None:
                self.pauses.drop_ended(self.now)
                tries.first, tries.held = self.now, self.pauses.held_ms(stream, self.now)
        dies = isinstance(verdict, Dead)
        if settlement and (settlement.sent or dies):
            tries.status = settlement.status or tries.status
        if verdict is None:
            tries.crashes += flight.alone and not flight.company
            tries.alone = True
            tries.lost += 1
            if tries.crashes >= CRASHES_ALONE or tries.lost >= CRASHES:
                dies, tries.status = True, "poison"
        if isinstance(verdict, Halve):
            tries.limit, tries.split = -(-len(flight.keys) // 2), split
        if content:
            job.fold(content.lane, content.fragments)
            self.ledger["folded"] += 1
        if dies:
            self._leave_split(key, split, guilty=True)
            if content:
                del self.tries[key]
            else:
                job.state = "dead"
                tries.limit = tries.split = None
                self.ledger["died"] += 1
                return
        if isinstance(verdict, Retry):
            job.state, job.due = "delayed", self.now + verdict.delay_ms
        else:
            self._enter(key)

    def _leave_split(self, key: str, name: str, *, guilty: bool) -> None:
        split = self.sizes.splits.get(name)
        if split and key in self.tries and self.tries[key].split:
            split.left -= 1
            split.guilty = split.guilty or guilty

    def _learn(self, lease: str, flight: Flight, settlement: Settlement) -> None:
        stream = Stream.of(flight.stream)
        answer = settlement.answer
        if answer == Answer.FAILED:
            self.outage.fail(lease, flight.keys, self.pauses, self.now)
        elif answer != Answer.NONE:
            self.outage.live(lease)
        match answer:
            case Answer.ACCEPTED:
                self.unasked = 0
                self.refusals.accept(stream, flight.print, self.now)
                self.sizes.accept(stream.kind, len(flight.keys), flight.bytes)
            case Answer.THROTTLED:
                self._throttle(flight, settlement.retry_after_ms)
            case Answer.DENIED:
                self.refusals.deny(stream, flight.print, self.now)
            case Answer.MISDIRECTED:
                self.refusals.misdirect(stream, flight.print, self.now)
            case Answer.REFUSED:
                if settlement.status == "413" and len(flight.keys) > 1:
                    self.sizes.too_large(stream.kind, flight.bytes)
                for key in self.refusals.refuse(
                    stream, flight.keys, flight.print, settlement.status, self.now
                ):
                    self._undo_death(key)

    def _throttle(self, flight: Flight, asked_ms: int | None) -> None:
        if self.refused_at is None or flight.at > self.refused_at:
            self.refused_at = self.now
            self.unasked = self.unasked + 1 if asked_ms is None else 0
        ms = doubling(max(1, self.unasked)) if asked_ms is None else min(asked_ms, 3_600_000)
        standing = self.pauses.standing.get(("account", "throttled"))
        ends = max(self.now + ms, standing.until or 0 if standing else 0)
        self.pauses.begin("account", "throttled", ends, self.now)

    def _undo_death(self, key: str) -> None:
        if key in self.in_state("dead"):
            self.tries[key].attempts = max(0, self.tries[key].attempts - 1)
            self.ledger["died"] -= 1
            self._enter(key)

    def _land_delivered(self, key: str, kind: Kind, content: Content | None, used: str) -> None:
        job = self.jobs[key]
        self.tries.pop(key, None)
        if content:
            content.fragments = not_overtaken(content.fragments, job.fragments)
            if not content.fragments:
                content = None
                self.ledger["superseded"] += 1
        rest = [one for one in job.fragments if WISHES.get(one.tag, kind) != kind]
        if rest:
            job.fragments = rest
            if content:
                job.fold(content.lane, content.fragments)
                self.ledger["folded"] += 1
            self._enter(key)
            return
        self.ledger["delivered"] += 1
        self.history.setdefault(key, 0)
        if job.fragments[0].tag == "F":
            self.history[key] = job.fragments[0].version
            if kind == Kind.PRODUCT and len(job.fragments) == 1:
                self.digests[key] = job.fragments[0].body, used
        del self.jobs[key]
        if content:
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

    def _next(self, lane: Lane, prints: Prints) -> str | None:
        replayed = None
        for stream in sorted(self.turns, key=lambda stream: (self.turns[stream], stream)):
            if lane_of(stream) != lane or self._print_for(stream, prints) is None:
                continue
            if self.jobs[self.pending_in(stream)[0]].place < REPLAYED:
                return stream
            replayed = replayed or stream
        return replayed

    def _print_for(self, stream: str, prints: Prints) -> str | None:
        of = Stream.of(stream)
        if of.channel not in prints or self.pauses.stops(of.scopes[1:]):
            return None
        return self.refusals.print_for(of, prints[of.channel], self._is_held, self.now)

    def _attended(self, lane: Lane) -> bool:
        # A drain of the low lane takes high work first.
        by = (Lane.HIGH, Lane.LOW) if lane == Lane.HIGH else (Lane.LOW,)
        return any(self.attended.get(one, 0) >= self.now for one in by)

    def _is_held(self, lease: str | None) -> bool:
        return lease in self.flights and self.flights[lease].ends > self.now
