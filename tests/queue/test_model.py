"""The scripts on a real broker and the model in plain Python agree, whatever is done to both."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.queue.bench import Bench, everywhere
from tests.queue.model import Model
from tests.queue.model_jobs import REDIS_TIME, Tries

from onport_queue.clock import SystemClock
from onport_queue.flight import (
    Answer,
    Dead,
    Delivered,
    Fenced,
    Gate,
    Granted,
    Halve,
    Released,
    Retry,
    Settled,
    Settlement,
    Verdict,
    Wait,
)
from onport_queue.fold import Fragment, Mode, Run
from onport_queue.jobs import Job, Link, LinkJob
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
from onport_queue.replies import JobView

EXAMPLES = 40
STEPS = 50
TERM_MS = 30_000
DAY_MS = 86_400_000
FIRST_DAY_MS = round(SystemClock().wall().timestamp() * 1000) + DAY_MS

lanes = st.sampled_from(Lane)
channels = st.sampled_from(["default", "default", "other"])
names = st.sampled_from(["1", "2", "3", "4", "10:1"])
ahead = st.sampled_from([None, None, None, None, 0, 1, 2, 3])
versions = st.none() | st.integers(0, 6)
verdicts: st.SearchStrategy[list[Verdict]] = st.lists(
    st.sampled_from(
        [Delivered(), Delivered(), Retry(4_000), Retry(60_000), Released(), Halve(), Dead()]
    ),
    min_size=1,
    max_size=3,
)
scopes = st.sampled_from(
    [
        "account",
        "lane:high",
        "lane:low",
        "channel:other",
        "endpoint:default:product",
        "endpoint:default:sale",
    ]
)
workers = st.sampled_from([("old",), ("old",), ("old", "new"), ("new",)])
answers = st.sampled_from(
    [
        (Answer.NONE, ""),
        (Answer.ACCEPTED, "200"),
        (Answer.ACCEPTED, "200"),
        (Answer.FAILED, "503"),
        (Answer.FAILED, "ambiguous"),
        (Answer.THROTTLED, "429"),
        (Answer.DENIED, "401"),
        (Answer.MISDIRECTED, "404"),
        (Answer.REFUSED, "422"),
        (Answer.REFUSED, "413"),
    ]
)


class QueueMachine(RuleBasedStateMachine):
    """Does everything to a queue and to its model, and compares."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__()
        self.bench = Bench(client)
        self.model = Model(now=int(self.bench.now_ms()))
        self.puts: list[tuple[PutBatch, PutBatch]] = []
        self.leases: list[str] = []
        self.bodies = 0

    @rule(
        kind=st.sampled_from([Kind.SALE, Kind.PRODUCT, Kind.PRODUCT]),
        channel=channels,
        lane=st.sampled_from([*Lane, None]),
        mode=st.sampled_from(Mode),
        entries=st.lists(st.tuples(names, versions), min_size=1, max_size=5),
        same=st.booleans(),
        days=ahead,
    )
    def put(
        self,
        kind: Kind,
        channel: str,
        lane: Lane | None,
        mode: Mode,
        entries: list[tuple[str, int | None]],
        same: bool,
        days: int | None,
    ) -> None:
        bodies = [b"{}" if same else self.body() for _ in entries]
        jobs = [
            Job(key, body, version) for (key, version), body in zip(entries, bodies, strict=True)
        ]
        skip = same and kind == Kind.PRODUCT
        self.check_put(
            PutBatch(self.put_id(), kind, channel, lane, jobs, mode, skip_unchanged=skip), days
        )

    @rule(channel=channels, name=names, prints=workers)
    def reload(self, channel: str, name: str, prints: tuple[str, ...]) -> None:
        """One product is put, delivered, and put again as it was."""
        for _ in range(2):
            jobs = [Job(name, b'{"same":1}')]
            self.check_put(
                PutBatch(self.put_id(), Kind.PRODUCT, channel, Lane.LOW, jobs, skip_unchanged=True)
            )
            self.claim_and_settle((Answer.ACCEPTED, "200"), Lane.LOW, prints, 50)

    @rule(days=st.integers(1, 2))
    def days_pass(self, days: int) -> None:
        """For what was put ahead of its time only."""
        self.model.day += days
        self.bench.come_due(FIRST_DAY_MS + self.model.day * DAY_MS)

    @rule(
        kind=st.sampled_from([Kind.ACKNOWLEDGE, Kind.DISCONNECT]),
        channel=channels,
        entries=st.lists(
            st.tuples(names, versions, st.lists(names, min_size=1, max_size=3)),
            min_size=1,
            max_size=3,
        ),
        days=ahead,
    )
    def put_links(
        self,
        kind: Kind,
        channel: str,
        entries: list[tuple[str, int | None, list[str]]],
        days: int | None,
    ) -> None:
        jobs = [
            LinkJob(sku, tuple(Link(link, self.body()) for link in links), version)
            for sku, version, links in entries
        ]
        self.check_put(PutBatch(self.put_id(), kind, channel, Lane.LOW, jobs), days)

    @rule(which=st.integers(0, 100))
    def put_again(self, which: int) -> None:
        if self.puts:
            self.check_the_put(*self.puts[which % len(self.puts)])

    @rule(
        lane=st.sampled_from([Lane.LOW, Lane.LOW, Lane.HIGH]),
        items=st.sampled_from([2, 3, 3, 50]),
        size=st.sampled_from([25, 1_000_000]),
        share=st.sampled_from([0.5, 0.34, 0.34, 0.1, 0.0, 1.0]),
        prints=workers,
        process=st.sampled_from(["", "one:", "two:"]),
    )
    def claim(
        self,
        lane: Lane,
        items: int,
        size: int,
        share: float,
        prints: tuple[str, ...],
        process: str = "",
    ) -> None:
        self.pass_time(1)  # a thousand tokens' time
        lease = f"{process}lease-{len(self.leases)}"
        gate = Gate(
            1e6,
            share,
            batch_items=items,
            batch_bytes=size,
            lease_ms=TERM_MS,
            prints=everywhere(*prints),
        )
        claimed = self.bench.queue.claim(lane, gate, lease)
        if isinstance(claimed, Wait):  # as after a pause that was ended early
            self.pass_time(1)
            claimed = self.bench.queue.claim(lane, gate, lease)
        assert claimed == self.model.claim(lane, gate, lease)
        if isinstance(claimed, Granted):
            self.leases.append(lease)

    @rule(which=st.integers(0, 100), lane=lanes)
    def claim_again(self, which: int, lane: Lane) -> None:
        if self.model.flights:
            lease = sorted(self.model.flights)[which % len(self.model.flights)]
            gate = Gate(1e6, lease_ms=TERM_MS)
            self.pass_time(1)
            assert self.bench.queue.claim(lane, gate, lease) == self.model.claim(lane, gate, lease)

    @rule(which=st.integers(0, 100), lane=lanes)
    def claim_late(self, which: int, lane: Lane) -> None:
        """A copy of a claim arrives after the flight was settled."""
        if self.model.settled:
            lease = sorted(self.model.settled)[which % len(self.model.settled)]
            gate = Gate(1e6, lease_ms=TERM_MS)
            self.pass_time(1)
            assert self.bench.queue.claim(lane, gate, lease) == self.model.claim(lane, gate, lease)

    @rule(
        which=st.integers(0, 100),
        ends=verdicts,
        sent=st.booleans(),
        answer=answers,
        asked_ms=st.sampled_from([None, None, 15_000, 4_000_000]),
    )
    def settle(
        self,
        which: int,
        ends: list[Verdict],
        sent: bool,
        answer: tuple[Answer, str],
        asked_ms: int | None,
    ) -> None:
        held = sorted(self.model.flights) or self.leases
        if held:
            self.check_settle(held[which % len(held)], ends, sent, answer, asked_ms)

    @rule(answer=answers, lane=lanes, prints=workers, items=st.sampled_from([1, 3, 50]))
    def claim_and_settle(
        self, answer: tuple[Answer, str], lane: Lane, prints: tuple[str, ...], items: int
    ) -> None:
        self.claim(lane, items, 1_000_000, 0.34, prints)
        if self.leases and self.leases[-1] in self.model.flights:
            many = len(self.model.flights[self.leases[-1]].keys)
            self.check_settle(self.leases[-1], [usual_end(answer[0], many)], True, answer, None)

    @rule(which=st.integers(0, 100), lane=lanes, prints=workers)
    def settle_and_claim(self, which: int, lane: Lane, prints: tuple[str, ...]) -> None:
        held = sorted(self.model.flights) or self.leases
        if not held:
            return
        lease, next_lease = held[which % len(held)], f"lease-{len(self.leases)}"
        self.pass_time(1)
        flight = self.model.flights.get(lease)
        settlement = Settlement([Delivered()] * len(flight.keys if flight else "1"))
        gate = Gate(1e6, lease_ms=TERM_MS, prints=everywhere(*prints))
        settled, claimed = self.bench.queue.settle_and_claim(
            lease, settlement, lane, gate, next_lease
        )
        assert without_events(settled) == self.model.settle(lease, settlement)
        if isinstance(claimed, Wait):  # as after a pause that was ended early
            self.pass_time(1)
            claimed = self.bench.queue.claim(lane, gate, next_lease)
        assert claimed == self.model.claim(lane, gate, next_lease)
        if isinstance(claimed, Granted):
            self.leases.append(next_lease)

    @rule(answer=answers, prints=workers, times=st.integers(3, 25))
    def answer_alike(self, answer: tuple[Answer, str], prints: tuple[str, ...], times: int) -> None:
        """As an endpoint does that is down, or has lost its mind: everything gets one answer."""
        for _ in range(times):
            self.claim_and_settle(answer, Lane.LOW, prints, 3)

    @rule(which=st.integers(0, 100))
    def settle_any_lease(self, which: int) -> None:
        if self.leases:
            lease = self.leases[which % len(self.leases)]
            self.check_settle(lease, [Delivered()], True, (Answer.ACCEPTED, "200"), None)

    @rule(which=st.integers(0, 100), sent=st.booleans())
    def release(self, which: int, sent: bool) -> None:
        if self.leases:
            lease = self.leases[which % len(self.leases)]
            released = self.bench.queue.release(lease, sent=sent)
            assert without_events(released) == self.model.release(lease, sent=sent)

    @rule(picked=st.sets(st.integers(0, 30), max_size=4))
    def replay(self, picked: set[int]) -> None:
        keys = self.some_keys(picked)
        replayed = self.bench.queue.replay(keys)
        assert (replayed.jobs, set(replayed.wake)) == self.model.replay(keys)

    @rule(picked=st.sets(st.integers(0, 30), max_size=2))
    def discard(self, picked: set[int]) -> None:
        keys = self.some_keys(picked)
        assert self.bench.queue.discard(keys) == self.model.discard(keys)

    @rule(picked=st.integers(0, 30))
    def forget(self, picked: int) -> None:
        for key in self.some_keys({picked}):
            family, channel, name = key.split(":", 2)
            kind = Kind.ACKNOWLEDGE if family == "variant" else Kind(family)
            assert self.bench.queue.forget(kind, channel, name) == self.model.forget(key)

    @rule(
        picked=st.lists(st.integers(0, 100), max_size=3), term_ms=st.sampled_from([9_000, 60_000])
    )
    def renew(self, picked: list[int], term_ms: int) -> None:
        leases = [self.leases[which % len(self.leases)] for which in picked if self.leases]
        assert self.bench.queue.renew(leases, term_ms) == self.model.renew(leases, term_ms)

    @rule(ms=st.sampled_from([400, 5_000, 5_000, 31_000, 31_000, 90_000, 310_000]))
    def pass_time(self, ms: int) -> None:
        self.bench.pass_ms(ms)
        self.model.now += ms

    @rule(
        lanes=st.sampled_from([[Lane.HIGH], [Lane.LOW], [Lane.HIGH, Lane.LOW]]),
        prints=workers,
        only=st.sampled_from([None, None, "default", "other"]),
    )
    def look(self, lanes: list[Lane], prints: tuple[str, ...], only: str | None) -> None:
        known = {only: prints} if only else everywhere(*prints)
        looked = self.bench.queue.look(lanes, 900, prints=known)
        assert looked == self.model.look(lanes, 900, known)

    @rule(prints=workers, order=st.permutations(["default", "other"]))
    def look_in_turn(self, prints: tuple[str, ...], order: list[str]) -> None:
        """Two workers look at once, each with the hash of one channel."""
        for only in order:
            self.look(list(Lane), prints, only)

    @rule(scope=scopes, seconds=st.sampled_from([1, 20, None]))
    def pause(self, scope: str, seconds: int | None) -> None:
        self.bench.queue.pause(scope, seconds, "a test")
        self.model.pause(scope, seconds)

    @rule(scope=scopes | st.just(""))
    def resume(self, scope: str) -> None:
        assert self.bench.queue.resume(scope) == self.model.resume(scope)

    @rule(rate=st.sampled_from([None, 5e5]))
    def set_rate(self, rate: float | None) -> None:
        self.bench.queue.set_rate(rate)
        self.model.set_rate(rate)

    @rule(kind=st.sampled_from([Kind.SALE, Kind.PRODUCT]), channel=channels, name=names)
    def compact(self, kind: Kind, channel: str, name: str) -> None:
        job = self.model.jobs.get(f"{kind}:{channel}:{name}")
        run = first_two(job.fragments) if job else None
        done = self.bench.queue.compact(kind, channel, name, first_two)
        assert done == self.model.compact(f"{kind}:{channel}:{name}", run)

    @invariant()
    def agree(self) -> None:
        self.every_job_is_in_exactly_one_structure()
        self.the_ledger_balances_and_agrees()
        self.every_job_shows_as_the_model_has_it()

    def every_job_is_in_exactly_one_structure(self) -> None:
        bench = self.bench
        streams = [bench.key(f"pending:{stream}") for stream in self.model.turns]
        with bench.redis.pipeline() as pipe:
            pipe.hkeys(bench.key("jobs"))
            pipe.hkeys(bench.key("waiting"))
            pipe.hkeys(bench.key("inflight"))
            pipe.hkeys(bench.key("flights"))
            pipe.hkeys(bench.key("tries"))
            for suffix in ("delayed", "dead", "leases", "turns:high", "turns:low"):
                pipe.zrange(bench.key(suffix), 0, -1)
            for stream in streams:
                pipe.zrange(stream, 0, -1)
            pipe.keys(bench.key("pending:*").replace("{", "\\{"))
            replies = [[name.decode() for name in reply] for reply in pipe.execute()]
        jobs, waiting, inflight, flights, tries, delayed, dead, leases, high, low = replies[:10]
        pending, existing = replies[10:-1], replies[-1]
        assert sorted(existing) == sorted(streams)
        assert {*high, *low} == self.model.turns.keys()
        assert pending == [self.model.pending_in(stream) for stream in self.model.turns]
        somewhere = [*inflight, *delayed, *dead, *(key for keys in pending for key in keys)]
        assert sorted(somewhere) == sorted(jobs)
        assert set(waiting) <= set(inflight)
        assert set(leases) == set(flights) == self.model.flights.keys()
        assert set(tries) <= set(jobs)
        later = bench.redis.hkeys(bench.key("later:puts"))
        assert len(later) == len(self.model.later)
        for index in ("later", "later:keys"):
            assert sorted(bench.redis.zrange(bench.key(index), 0, -1)) == sorted(later)

    def the_ledger_balances_and_agrees(self) -> None:
        stats = self.bench.queue.stats()
        model = self.model
        model.pauses.drop_ended(model.now)
        assert stats.imbalance == 0
        assert {term: many for term, many in stats.ledger if many} == {
            term: many for term, many in model.ledger.items() if many
        }
        assert stats.pending == len(model.in_state("pending"))
        assert stats.in_flight == len(model.in_state("in flight"))
        assert stats.delayed == len(model.in_state("delayed")) + len(model.later)
        assert stats.dead == len(model.in_state("dead"))
        assert stats.waiting == len(model.waiting)
        assert stats.flights == len(model.flights)
        assert stats.rate_set == model.rate
        assert {(one.scope, one.cause) for one in stats.pauses} == model.pauses.standing.keys()
        assert (stats.outage.openings if stats.outage else 0) == model.outage.openings
        assert {one.kind: (one.items, one.bytes) for one in stats.sizes} == {
            kind: (size.items, size.bytes) for kind, size in model.sizes.sizes.items()
        }
        assert {f"{one.lane}:{one.channel}:{one.kind}": one.pending for one in stats.streams} == {
            stream: len(model.pending_in(stream)) for stream in model.turns
        }

    def every_job_shows_as_the_model_has_it(self) -> None:
        for key, job in self.model.jobs.items():
            view = self.view(key)
            tries = self.model.tries.get(key, Tries())
            due_in = max(0, job.due - self.model.now) if job.state == "delayed" else 0
            assert (view.state, view.lane, view.due_in_ms) == (job.state, job.lane, due_in)
            assert view.put_ms_ago == self.model.now - job.put_at
            assert (view.attempts, view.crashes) == (tries.attempts, tries.crashes)
            assert view.last_status == tries.status
            assert comparable(view.fragments) == job.fragments
            waiting = self.model.waiting.get(key)
            assert comparable(view.waiting) == (waiting.fragments if waiting else [])
        for put in self.model.later:
            view = self.view(put.key)
            assert put.key in self.model.jobs or view.state == "delayed"
            of_key = sorted(one for one in self.model.later if one.key == put.key)
            assert [comparable(one.fragments) for one in view.later] == [
                one.fragments for one in of_key
            ]

    def view(self, full_key: str) -> JobView:
        family, channel, name = full_key.split(":", 2)
        kind = Kind.ACKNOWLEDGE if family == "variant" else Kind(family)
        view = self.bench.queue.show(kind, channel, name)
        assert view is not None
        return view

    def check_put(self, batch: PutBatch, days: int | None = None) -> None:
        """Put a batch, in so many days; 0: it was due long ago."""
        given = batch
        if days == 0:
            given = batch = replace(batch, not_before_ms=3)
        elif days is not None:
            day = self.model.day + days
            batch = replace(batch, not_before_ms=FIRST_DAY_MS + day * DAY_MS)
            given = replace(batch, not_before_ms=REDIS_TIME + day)
        self.puts.append((batch, given))
        self.check_the_put(batch, given)

    def check_the_put(self, batch: PutBatch, given: PutBatch) -> None:
        reply = self.bench.queue.put(batch)
        outcomes, woken, in_lanes = self.model.put(given)
        assert list(reply.outcomes) == outcomes
        assert set(reply.wake) == woken
        assert list(reply.lanes) == in_lanes
        depths = [
            sum(len(self.model.pending_in(one)) for one in self.model.turns if one.startswith(lane))
            for lane in Lane
        ]
        assert [reply.pending_high, reply.pending_low] == depths

    def check_settle(
        self,
        lease: str,
        ends: list[Verdict],
        sent: bool,
        answer: tuple[Answer, str],
        asked_ms: int | None,
    ) -> None:
        flight = self.model.flights.get(lease)
        many = len(flight.keys) if flight else 1
        each = [ends[at % len(ends)] for at in range(many)]
        settlement = Settlement(each, answer[0], sent, answer[1], "text", asked_ms)
        settled = self.bench.queue.settle(lease, settlement)
        assert without_events(settled) == self.model.settle(lease, settlement)
        if answer[0] == Answer.THROTTLED:
            # The rate it goes down to is the business of test_rate; here no claim shall wait.
            self.set_rate(None)

    def some_keys(self, picked: set[int]) -> list[str]:
        keys = sorted({*self.model.jobs, *(put.key for put in self.model.later)})
        return sorted({keys[which % len(keys)] for which in picked if keys})

    def put_id(self) -> bytes:
        return b"%d" % len(self.puts)

    def body(self) -> bytes:
        self.bodies += 1
        return b'{"n":%d}' % self.bodies


def test_the_scripts_do_what_the_model_does(redis_client: redis.Redis) -> None:
    run_state_machine_as_test(
        lambda: QueueMachine(redis_client),  # type: ignore[arg-type]  # a factory will do
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            print_blob=True,
            phases=[Phase.generate],  # shrinking takes minutes, more than a test may
            suppress_health_check=list(HealthCheck),
        ),
    )


def first_two(fragments: Sequence[Fragment]) -> Run | None:
    """Choose the oldest two partial fragments, for a body that is easily recognised."""
    first = 1 if fragments[0].tag == "F" else 0
    chosen = fragments[first : first + 2]
    if len(chosen) < 2:
        return None
    bodies = b"".join(fragment.body for fragment in chosen)
    digest = hashlib.sha1(bodies, usedforsecurity=False).hexdigest()
    return Run(first, 2, digest, b"{%s}" % bodies)


def comparable(fragments: Sequence[Fragment]) -> list[Fragment]:
    return [
        Fragment(one.tag, one.link, one.body, comparable_version(one.version)) for one in fragments
    ]


def comparable_version(version: int) -> int:
    if version < FIRST_DAY_MS:
        return min(version, REDIS_TIME)
    return REDIS_TIME + (version - FIRST_DAY_MS) // DAY_MS


def usual_end(answer: Answer, many: int) -> Verdict:
    """Return what a worker makes of an answer."""
    match answer:
        case Answer.ACCEPTED:
            return Delivered()
        case Answer.FAILED:
            return Retry(4_000)
        case Answer.REFUSED:
            return Dead() if many == 1 else Halve()
        case _:
            return Released()


def without_events(settled: Settled | Fenced) -> Settled | Fenced:
    return Settled(tuple(sorted(settled.wake))) if isinstance(settled, Settled) else settled
