"""What a worker counts of a drain's work on a real queue."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import redis
from prometheus_client import generate_latest
from redis.backoff import NoBackoff
from redis.retry import Retry
from tests.worker.test_drain import Bench

from onport_queue.clock import SystemClock
from onport_queue.flight import Granted
from onport_queue.names import Lane
from onport_queue.store import Queue
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome
from onport_worker.delivery.request import Request
from onport_worker.telemetry.metrics import Metrics

PREFIX = "onport_relay_worker"


class Counted(NamedTuple):
    """A drain, and what is counted of it."""

    bench: Bench
    metrics: Metrics

    def value(self, name: str, **labels: str) -> float | None:
        found = self.metrics.registry()
        return found.get_sample_value(f"{PREFIX}_{name}", {"account": "drain", **labels})

    def answer(self, outcome: Outcome) -> None:
        self.bench.endpoint.answer = lambda _: outcome


@pytest.fixture
def counted(redis_client: redis.Redis) -> Counted:
    metrics = Metrics()
    return Counted(Bench(Queue(redis_client, "drain"), observer=metrics.of("drain")), metrics)


def test_a_delivered_sale_is_counted_with_its_wait_and_the_time_of_its_request(
    counted: Counted,
) -> None:
    counted.bench.put_sale("1")
    counted.bench.drain.run(Lane.LOW)

    sale = {"lane": "high", "kind": "sale"}
    assert counted.value("jobs_total", verdict="delivered", **sale) == 1
    assert counted.value("requests_total", kind="sale", meaning="delivered", answer="2xx") == 1
    assert counted.value("request_seconds_count", kind="sale") == 1
    assert counted.value("wait_seconds_count", **sale) == 1
    assert counted.value("claims_total", lane="low", said="granted") == 1
    assert counted.value("claims_total", lane="low", said="empty") == 1


def test_a_batch_is_one_request_and_each_of_its_jobs_has_waited(counted: Counted) -> None:
    counted.bench.put_products(30)
    counted.bench.drain.run(Lane.LOW)

    product = {"lane": "low", "kind": "product"}
    assert counted.value("jobs_total", verdict="delivered", **product) == 30
    assert counted.value("wait_seconds_count", **product) == 30
    assert counted.value("request_seconds_count", kind="product") == 1


@pytest.mark.parametrize(
    ("outcome", "meaning", "answer", "verdict"),
    [
        (Answered(429, retry_after="60"), "throttled", "4xx", "released"),
        (Answered(500), "try_later", "5xx", "retried"),
        (Answered(401), "denied", "4xx", "released"),
        (Answered(302), "misdirected", "3xx", "released"),
        (Answered(422), "refused", "4xx", "dead"),
        (NotSent("no route"), "try_later", "not_sent", "retried"),
        (Ambiguous("ReadTimeout"), "try_later", "ambiguous", "retried"),
    ],
)
def test_every_answer_and_verdict_has_its_own_label(
    counted: Counted, outcome: Outcome, meaning: str, answer: str, verdict: str
) -> None:
    counted.answer(outcome)
    counted.bench.put_sale("1")
    counted.bench.drain.run(Lane.HIGH)

    assert counted.value("requests_total", kind="sale", meaning=meaning, answer=answer) == 1
    assert counted.value("jobs_total", lane="high", kind="sale", verdict=verdict) == 1


def test_a_refused_batch_is_halved_and_then_dead(counted: Counted) -> None:
    counted.answer(Answered(422))
    counted.bench.put_products(2)
    counted.bench.drain.run(Lane.LOW)

    product = {"lane": "low", "kind": "product"}
    assert counted.value("jobs_total", verdict="halved", **product) == 2
    assert counted.value("jobs_total", verdict="dead", **product) == 2


def test_a_job_waits_for_its_first_attempt_and_for_no_other(
    counted: Counted, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    def answer(_: Request) -> Outcome:
        if len(counted.bench.endpoint.requests) == 1:
            return Answered(429, retry_after="0")
        return Answered(200)

    counted.bench.endpoint.answer = answer
    counted.bench.put_sale("1")

    def is_sent_twice() -> bool:
        counted.bench.drain.run(Lane.HIGH)
        return len(counted.bench.endpoint.requests) == 2

    wait_until(is_sent_twice)  # the 429 has lowered the rate
    assert counted.value("wait_seconds_count", lane="high", kind="sale") == 1


def test_a_lease_that_ran_out_before_sending_is_lost_and_no_request(counted: Counted) -> None:
    bench = counted.bench
    bench.put_sale("1")
    granted = bench.queue.claim(Lane.HIGH, bench.gate, "old")
    assert isinstance(granted, Granted)
    bench.leases.hold("old", SystemClock().monotonic_s() - 26)
    bench.drain.deliver(granted)

    assert counted.value("lost_leases_total", noticed="before_sending") == 1
    assert counted.value("request_seconds_count", kind="sale") is None


def test_an_outcome_that_comes_too_late_is_a_request_and_a_lost_lease(
    counted: Counted, redis_client: redis.Redis
) -> None:
    bench = counted.bench

    def answer(_: Request) -> Outcome:
        (held,) = bench.leases.unanswered()
        redis_client.zadd("onport-relay:{drain}:leases", {held.lease: 1})
        bench.stopping.set()
        return Answered(200)

    bench.endpoint.answer = answer
    bench.put_sale("1")
    bench.drain.run(Lane.HIGH)

    assert counted.value("lost_leases_total", noticed="before_settling") == 1
    assert counted.value("request_seconds_count", kind="sale") == 1
    assert counted.value("jobs_total", lane="high", kind="sale", verdict="delivered") is None


def test_a_broker_that_does_not_answer_is_counted(counted: Counted) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    Bench(Queue(away, "drain"), observer=counted.metrics.of("drain")).drain.run(Lane.HIGH)

    assert counted.value("claims_total", lane="high", said="failed") == 1


def test_no_key_and_no_payload_is_told(counted: Counted) -> None:
    counted.answer(Answered(422, "with a customer's name"))
    counted.bench.put_sale("a-secret-key")
    counted.bench.drain.run(Lane.HIGH)
    told = generate_latest(counted.metrics.registry()).decode()
    assert f"{PREFIX}_jobs_total" in told
    assert "secret" not in told
    assert "customer" not in told
