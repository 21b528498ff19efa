import os
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from tests.acceptance.proxy import Proxy

from onport_queue.clock import SystemClock
from onport_queue.flight import ANY_PRINT, Gate, Granted
from onport_queue.fold import Mode
from onport_queue.jobs import Job, product_job, sale_job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
from onport_queue.store import Queue
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome, Withheld
from onport_worker.delivery.request import Request
from onport_worker.delivery.settlement import Patience
from onport_worker.delivery.wire import Wire
from onport_worker.drain import Drain, Limits
from onport_worker.leases import Leases
from onport_worker.look import Look
from onport_worker.observer import Nobody, Observer
from onport_worker.steps import Step, Steps, unobserved

WaitUntil = Callable[..., None]


@dataclass
class Recorded:
    """An endpoint that answers as told and remembers what it was sent."""

    answer: Callable[[Request], Outcome] = lambda _: Answered(200)
    requests: list[Request] = field(default_factory=list)
    opens: Callable[[Wire], bool] = lambda wire: wire.may_go_on()

    def send(self, request: Request, wire: Wire) -> Outcome | Withheld:
        if not (self.opens(wire) and wire.may_go_on()):
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
    steps: Steps = unobserved
    observer: Observer = field(default_factory=Nobody)

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
            steps=self.steps,
            observer=self.observer,
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


@pytest.mark.parametrize("held_for_s", [26, 31])
def test_a_withheld_request_that_the_queue_holds_goes_back_at_once_and_uncounted(
    bench: Bench, held_for_s: int
) -> None:
    bench.put_sale("1")
    granted = bench.queue.claim(Lane.HIGH, bench.gate, "ours")
    assert isinstance(granted, Granted)
    bench.leases.hold("ours", SystemClock().monotonic_s() - held_for_s)
    bench.drain.deliver(granted)
    stats = bench.queue.stats()
    assert (stats.pending, stats.ledger.released, stats.ledger.expired) == (1, 1, 0)


def test_a_request_whose_lease_ran_out_while_it_was_connecting_is_not_sent(bench: Bench) -> None:
    bench.put_sale("1")
    granted = bench.queue.claim(Lane.HIGH, bench.gate, "ours")
    assert isinstance(granted, Granted)
    bench.leases.hold("ours", SystemClock().monotonic_s())

    def connecting(wire: Wire) -> bool:
        bench.leases.hold("ours", SystemClock().monotonic_s() - 29.5)
        return wire.may_go_on()

    bench.endpoint.opens = connecting
    bench.drain.deliver(granted)
    assert bench.endpoint.requests == []


@pytest.mark.parametrize("is_asked_first", [False, True], ids=["head", "body"])
def test_a_request_that_was_released_while_it_was_connecting_is_not_sent(
    bench: Bench, *, is_asked_first: bool
) -> None:
    bench.put_sale("1")
    granted = bench.queue.claim(Lane.HIGH, bench.gate, "ours")
    assert isinstance(granted, Granted)
    bench.leases.hold("ours", SystemClock().monotonic_s())

    def connecting(wire: Wire) -> bool:
        assert not is_asked_first or wire.may_go_on()
        for one in bench.leases.withdraw():
            bench.queue.release(one.lease, sent=one.sent)
        assert isinstance(bench.queue.claim(Lane.HIGH, bench.gate, "another's"), Granted)
        return True

    bench.endpoint.opens = connecting
    bench.drain.deliver(granted)
    assert bench.endpoint.requests == []
    assert bench.queue.stats().in_flight == 1


def test_what_is_claimed_after_the_end_was_heard_is_not_sent(bench: Bench) -> None:
    bench.put_sale("1")
    bench.leases.withdraw()
    granted = bench.queue.claim(Lane.HIGH, bench.gate, "late")
    assert isinstance(granted, Granted)
    bench.leases.hold("late", SystemClock().monotonic_s())
    bench.drain.deliver(granted)
    assert bench.endpoint.requests == []


def test_a_payload_that_no_request_can_be_made_of_is_dead_and_the_others_delivered(
    bench: Bench,
) -> None:
    bench.put_products(1)
    bodies = (b'{"sku":"bad"}', b"[no json")
    for version, body in enumerate(bodies):
        jobs = [Job("sku=bad", body, version)]
        mode = Mode.PARTIAL if version else Mode.FULL
        put_id = random.randbytes(12)
        bench.queue.put(PutBatch(put_id, Kind.PRODUCT, "default", Lane.LOW, jobs, mode))
    bench.drain.run(Lane.LOW)
    stats = bench.queue.stats()
    assert (stats.dead, stats.ledger.delivered, stats.in_flight) == (1, 1, 0)
    (letter,) = bench.queue.dead()
    assert (letter.last_status, letter.attempts) == ("unsendable", 0)


def test_a_defect_while_sending_counts_as_sent_and_says_no_payload(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Request) -> Outcome:
        raise RuntimeError("with a customer's name")

    bench.endpoint.answer = fail
    bench.put_sale("1")
    bench.drain.run(Lane.HIGH)
    job = bench.queue.show(Kind.SALE, "default", "1")
    assert job is not None
    assert (job.attempts, job.last_status, job.last_text) == (1, "ambiguous", "RuntimeError")
    assert "customer" not in caplog.text


def test_a_delivered_request_is_remembered_when_the_broker_comes_back(
    broker_url: str, redis_client: redis.Redis
) -> None:
    pid = int(redis_client.info("server")["process_id"])

    def answer(_: Request) -> Outcome:
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(1.0, os.kill, (pid, signal.SIGCONT)).start()
        return Answered(200)

    impatient = redis.Redis.from_url(broker_url, socket_timeout=0.1, retry=Retry(NoBackoff(), 0))
    bench = Bench(Queue(impatient, "drain"))
    bench.endpoint.answer = answer
    bench.put_sale("1")
    bench.drain.run(Lane.HIGH)
    stats = bench.queue.stats()
    assert (stats.ledger.delivered, stats.in_flight, len(bench.endpoint.requests)) == (1, 0, 1)
    impatient.close()


def test_a_drain_ends_at_a_broker_that_is_away(bench: Bench) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    Bench(Queue(away, "drain")).drain.run(Lane.LOW)
    del bench


def test_the_steps_of_a_delivery_are_told_in_order(bench: Bench) -> None:
    steps: list[Step] = []
    told = Bench(bench.queue, steps=steps.append)
    told.put_sale("1")
    told.drain.run(Lane.HIGH)
    assert steps == list(Step)


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
    prints = ANY_PRINT
    return Look(bench.queue, bench.waker, list(Lane), SystemClock(), worker=worker, prints=prints)


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


def test_a_look_says_that_the_broker_came_back_empty(
    bench: Bench, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    looking = look(bench, "here")
    looking.once()
    redis_client.flushall()
    looking.once()
    looking.once()
    assert caplog.text.count("broker_emptied") == 1
    assert bench.queue.stats().emptied_ms is not None


def test_a_look_tells_once_that_the_broker_is_away_and_once_that_it_is_back(
    bench: Bench, broker_url: str, caplog: pytest.LogCaptureFixture, wait_until: WaitUntil
) -> None:
    with Proxy(urlsplit(broker_url).port or 0) as proxy:
        url = broker_url.replace(f":{urlsplit(broker_url).port}/", f":{proxy.port}/")
        client = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0))
        looking = Look(
            *(Queue(client, "drain"), bench.waker, list(Lane), SystemClock()),
            worker="here",
            prints=ANY_PRINT,
        )
        looking.start()
        wait_until(lambda: bench.queue.stats().workers == ("here",))
        proxy.refuse()
        wait_until(lambda: "broker_lost" in caplog.text)
        proxy.listen()
        wait_until(lambda: "broker_back" in caplog.text)
        looking.stop()
        client.close()
    assert caplog.text.count("broker_lost") == 1


def test_a_defect_leaves_no_lease_that_is_renewed_for_ever(redis_client: redis.Redis) -> None:
    class Defective(Nobody):
        def answered(self, delivery: object) -> None:  # noqa: ARG002 - the observer's signature
            raise ZeroDivisionError

    bench = Bench(Queue(redis_client, "drain"), observer=Defective())
    bench.put_sale("1")

    with pytest.raises(ZeroDivisionError):
        bench.drain.run(Lane.HIGH)

    assert bench.leases.unanswered() == ()
    assert bench.queue.stats().in_flight == 1


def test_a_defect_after_a_settle_keeps_nothing_of_what_was_claimed_with_it(
    redis_client: redis.Redis,
) -> None:
    def fail(step: Step) -> None:
        if step is Step.SETTLED:
            raise ZeroDivisionError

    bench = Bench(Queue(redis_client, "drain"), steps=fail)
    bench.put_sale("1")
    bench.put_sale("2")

    with pytest.raises(ZeroDivisionError):
        bench.drain.run(Lane.HIGH)

    assert bench.leases.unanswered() == ()
    stats = bench.queue.stats()
    assert (stats.ledger.delivered, stats.in_flight, stats.pending) == (1, 0, 1)
