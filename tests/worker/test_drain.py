import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import redis

from onport_queue.clock import SystemClock
from onport_queue.flight import Gate, Granted
from onport_queue.jobs import product_job, sale_job
from onport_queue.names import Kind, Lane
from onport_queue.store import PutBatch, Queue
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome, Withheld
from onport_worker.delivery.request import Request
from onport_worker.delivery.settlement import Patience
from onport_worker.delivery.wire import Wire
from onport_worker.drain import Drain, Limits
from onport_worker.leases import Leases
from onport_worker.look import Look


@dataclass
class Recorded:
    """An endpoint that answers as told and remembers what it was sent."""

    answer: Callable[[Request], Outcome] = lambda _: Answered(200)
    requests: list[Request] = field(default_factory=list)

    def send(self, request: Request, wire: Wire) -> Outcome | Withheld:
        if not wire.may_begin():
            return Withheld()
        self.requests.append(request)
        wire.has_gone()
        return self.answer(request)


@dataclass
class Calls:
    """A waker that remembers whom it was to wake."""

    lanes: list[Lane] = field(default_factory=list)

    def wake(self, account: str, lane: Lane) -> None:  # noqa: ARG002 - the waker's signature
        self.lanes.append(lane)


@dataclass
class Bench:
    """One drain on a real queue."""

    queue: Queue
    endpoint: Recorded = field(default_factory=Recorded)
    waker: Calls = field(default_factory=Calls)
    stopping: threading.Event = field(default_factory=threading.Event)
    patience: Patience = field(default_factory=lambda: Patience(max_attempts=3))

    def __post_init__(self) -> None:
        clock = SystemClock()
        self.gate = Gate(rate=1_000_000)
        self.leases = Leases(self.queue, clock, 30.0)
        self.drain = Drain(
            self.queue,
            self.endpoint,
            self.leases,
            self.waker,
            Limits(self.gate, self.patience, connect_timeout_s=5.0),
            clock=clock,
            chance=random.Random(1),
            stopping=self.stopping,
        )

    def put_sale(self, key: str, lane: Lane = Lane.HIGH) -> None:
        job = sale_job({"externalId": key})
        self.queue.put(PutBatch(random.randbytes(12), Kind.SALE, "default", lane, [job]))

    def put_products(self, count: int) -> None:
        jobs = [product_job({"sku": f"S{number}"}) for number in range(count)]
        self.queue.put(PutBatch(random.randbytes(12), Kind.PRODUCT, "default", Lane.LOW, jobs))


@pytest.fixture
def bench(redis_client: redis.Redis) -> Bench:
    return Bench(Queue(redis_client, "drain"))


def test_a_drain_delivers_all_there_is_and_ends(bench: Bench) -> None:
    bench.put_sale("1")
    bench.put_products(120)
    bench.drain.run(Lane.LOW)
    assert [request.path for request in bench.endpoint.requests] == [
        "manual-sale.json",
        *["products.json"] * 3,
    ]
    assert bench.queue.stats().ledger.delivered == 121
    assert bench.queue.stats().imbalance == 0


def test_a_drain_of_the_high_lane_leaves_the_low_one(bench: Bench) -> None:
    bench.put_sale("1")
    bench.put_products(1)
    bench.drain.run(Lane.HIGH)
    assert bench.queue.stats().pending_in(Lane.LOW) == 1


def test_a_drain_that_sees_more_work_wakes_another_once(bench: Bench) -> None:
    bench.put_products(500)
    bench.drain.run(Lane.LOW)
    assert bench.waker.lanes == [Lane.LOW]


def test_a_failure_is_delayed_and_counted_as_an_attempt(bench: Bench) -> None:
    bench.endpoint.answer = lambda _: Ambiguous("ReadTimeout")
    bench.put_sale("1")
    bench.drain.run(Lane.HIGH)
    job = bench.queue.show(Kind.SALE, "default", "1")
    assert job is not None
    assert (job.state, job.attempts, job.last_status) == ("delayed", 1, "ambiguous")


def test_a_request_that_was_not_sent_is_delayed_and_no_attempt(bench: Bench) -> None:
    bench.endpoint.answer = lambda _: NotSent("refused")
    bench.put_sale("1")
    bench.drain.run(Lane.HIGH)
    job = bench.queue.show(Kind.SALE, "default", "1")
    assert job is not None
    assert (job.state, job.attempts) == ("delayed", 0)


def test_a_refused_batch_is_halved_until_each_item_is_dead_with_its_answer(bench: Bench) -> None:
    bench.endpoint.answer = lambda _: Answered(422, "no")
    bench.put_products(3)
    bench.drain.run(Lane.LOW)
    assert bench.queue.stats().dead == 3
    assert len(bench.endpoint.requests) == 5
    job = bench.queue.show(Kind.PRODUCT, "default", "sku=S1")
    assert job is not None
    assert (job.last_status, job.last_text) == ("422", "no")


def test_a_429_pauses_the_account_and_loses_no_attempt(bench: Bench) -> None:
    bench.endpoint.answer = lambda _: Answered(429, retry_after="60")
    bench.put_sale("1")
    bench.put_sale("2")
    bench.drain.run(Lane.HIGH)
    stats = bench.queue.stats()
    assert len(bench.endpoint.requests) == 1
    assert stats.pending == 2
    assert [pause.scope for pause in stats.pauses] == ["account"]


def test_a_stopping_drain_claims_nothing_more(bench: Bench) -> None:
    def answer(_: Request) -> Outcome:
        bench.stopping.set()
        return Answered(200)

    bench.endpoint.answer = answer
    bench.put_sale("1")
    bench.put_sale("2")
    bench.drain.run(Lane.HIGH)
    assert len(bench.endpoint.requests) == 1
    assert bench.queue.stats().in_flight == 0


def test_a_request_whose_lease_may_run_out_is_not_sent(bench: Bench) -> None:
    bench.put_sale("1")
    granted = bench.queue.claim(Lane.HIGH, bench.gate, "old")
    assert isinstance(granted, Granted)
    bench.leases.hold("old", SystemClock().monotonic_s() - 26)
    bench.drain.deliver(granted)
    assert bench.endpoint.requests == []


def test_an_update_put_while_its_sale_is_sent_goes_next_and_its_lane_is_woken(bench: Bench) -> None:
    def answer(_: Request) -> Outcome:
        if len(bench.endpoint.requests) == 1:
            bench.put_sale("1", Lane.LOW)
        return Answered(200)

    bench.endpoint.answer = answer
    bench.put_sale("1")
    bench.drain.run(Lane.HIGH)
    assert bench.waker.lanes == [Lane.LOW]
    assert bench.queue.stats().pending_in(Lane.LOW) == 1


def look(bench: Bench, worker: str) -> Look:
    return Look(bench.queue, bench.waker, list(Lane), SystemClock(), worker=worker, prints=("",))


def test_a_look_wakes_the_lanes_with_work_and_says_who_looked(bench: Bench) -> None:
    bench.put_products(1)
    look(bench, "here").once()
    assert bench.waker.lanes == [Lane.LOW]
    assert bench.queue.stats().workers == ("here",)


def test_only_one_of_many_workers_looks_at_a_lane(bench: Bench) -> None:
    bench.put_products(1)
    for name in ("one", "two"):
        look(bench, name).once()
    assert bench.waker.lanes == [Lane.LOW]
