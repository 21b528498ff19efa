"""What /metrics tells of the queue and of this host's spool."""

import socket
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import pytest
import redis
from prometheus_client import CollectorRegistry
from tests.producers.gateway.conftest import SALE, Shop
from tests.producers.spool.conftest import a_put
from tests.producers.test_producer import sale

from onport_producers.gateway import Gateway
from onport_producers.gateway.state import QueueState
from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
from onport_queue.flight import Answer, Dead, Gate, Granted, Released, Retry, Settlement
from onport_queue.names import Lane
from onport_queue.settings import Settings
from onport_queue.store import Queue

PREFIX = "onport_relay_"
STATES = ("pending", "waiting", "delayed", "in_flight", "dead")


class HandClock(SystemClock):
    """A clock whose seconds pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic_s(self) -> float:
        return self.now_s


@pytest.fixture
def silent_url() -> Iterator[str]:
    """The URL of something that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def figures(shop: Shop) -> Mapping[str, float]:
    """Return what is told, by name and labels; what the gateway counts is left out."""
    answer = shop.get("/metrics")
    assert answer.status_code == 200
    lines = [line.removeprefix(PREFIX) for line in answer.text.splitlines() if line[0] != "#"]
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("gateway_"))
    return {name: float(value) for name, value in pairs}


def settle(queue: Queue, lease: str, settlement: Settlement) -> None:
    assert isinstance(queue.claim(Lane.HIGH, Gate(rate=1000), lease), Granted)
    queue.settle(lease, settlement)


def test_an_empty_queue_tells_noughts_of_all_that_may_be(shop: Shop) -> None:
    found = figures(shop)
    assert found["broker_up"] == 1
    assert found['jobs{account="default",state="dead"}'] == 0
    assert found['ledger_jobs_total{account="default",term="accepted"}'] == 0
    of_a_lane = 'account="default",channel="uk",kind="product",lane="low"'
    assert found[f"pending_jobs{{{of_a_lane}}}"] == 0
    assert found['oldest_pending_seconds{account="default",lane="high"}'] == 0
    assert found['pauses{account="default",cause="refused",scope="channel"}'] == 0
    assert found['ceiling_requests_per_second{account="default"}'] == 10
    assert found['allowed_requests_per_second{account="default"}'] == 10
    assert 'learnt_limit_requests_per_second{account="default"}' not in found
    assert found['workers{account="default"}'] == 0


def test_jobs_are_told_by_state_and_stream_and_requests_are_counted(
    shop: Shop, queue: Queue
) -> None:
    for number in range(4):
        shop.post(SALE, sale(str(number)))
    settle(queue, "a", Settlement([Retry(60_000)]))
    settle(queue, "b", Settlement([Dead()]))
    queue.look([Lane.HIGH], worker="here")

    found = figures(shop)

    states = {state: found[f'jobs{{account="default",state="{state}"}}'] for state in STATES}
    assert states == {"pending": 2, "waiting": 0, "delayed": 1, "in_flight": 0, "dead": 1}
    of_sales = 'account="default",channel="default",kind="sale",lane="high"'
    assert found[f"pending_jobs{{{of_sales}}}"] == 2
    assert found['ledger_jobs_total{account="default",term="accepted"}'] == 4
    assert found['requests_total{account="default"}'] == 2
    assert found['returned_jobs_total{account="default",how="retried"}'] == 1
    assert found['ledger_imbalance{account="default"}'] == 0
    assert found['workers{account="default"}'] == 1


def test_pauses_are_told_by_scope_and_cause_without_names(shop: Shop, queue: Queue) -> None:
    queue.pause("channel:default", None, "a secret reason")
    queue.pause("channel:uk", 60, "another")

    found = figures(shop)

    assert found['pauses{account="default",cause="operator",scope="channel"}'] == 2
    assert found['pauses{account="default",cause="operator",scope="account"}'] == 0
    assert "secret" not in str(found)


def test_an_outage_opens_the_breaker_and_pauses_the_account(shop: Shop, queue: Queue) -> None:
    for number in range(5):
        shop.post(SALE, sale(str(number)))
        settle(queue, str(number), Settlement([Retry(60_000)], Answer.FAILED, status="503"))

    found = figures(shop)

    assert found['breaker_open{account="default"}'] == 1
    assert found['pauses{account="default",cause="outage",scope="account"}'] == 1


def test_a_refused_hash_pauses_its_channel(shop: Shop, queue: Queue) -> None:
    shop.post(SALE, sale("1"))
    settle(queue, "a", Settlement([Released()], Answer.DENIED, sent=False, status="401"))

    assert figures(shop)['pauses{account="default",cause="refused",scope="channel"}'] == 1


def test_a_ledger_that_is_off_and_a_broker_that_was_emptied_are_told(
    shop: Shop, queue: Queue, redis_client: redis.Redis
) -> None:
    before = queue.epoch()
    redis_client.flushall()
    queue.epoch(before)
    redis_client.hincrby("onport-relay:{default}:ledger", "accepted", 2)

    found = figures(shop)

    assert found['ledger_imbalance{account="default"}'] == 2
    assert found['broker_emptied{account="default"}'] == 1


def test_every_account_is_told(guarded: Settings, shop: Shop) -> None:
    two = guarded.model_copy(
        update={"channels": {"us": guarded.channels["uk"].model_copy(update={"account": "us"})}}
    )
    found = figures(Shop(Gateway(two), shop.runner))
    assert {found[f'jobs{{account="{name}",state="dead"}}'] for name in ("default", "us")} == {0}
    assert 'pending_jobs{account="us",channel="us",kind="sale",lane="high"}' in found
    assert 'pending_jobs{account="us",channel="default",kind="sale",lane="high"}' not in found


def test_while_the_broker_is_away_that_is_told_and_nothing_of_the_queue(
    shop_without_broker: Shop,
) -> None:
    shop_without_broker.post(SALE, sale("1"))

    found = figures(shop_without_broker)

    assert found["broker_up"] == 0
    assert found['spool_puts{account="default"}'] == 1
    assert found['spool_jobs{account="default"}'] == 1
    assert found["spool_bytes"] > 0
    assert found["spool_max_bytes"] == 256_000_000
    assert not [name for name in found if name.startswith(("jobs", "ledger", "pauses"))]


def test_a_broker_that_never_answers_holds_nobody_up_for_long(
    guarded: Settings, silent_url: str, shop: Shop
) -> None:
    silent = guarded.model_copy(update={"redis_url": silent_url})
    done = threading.Event()
    found: list[Mapping[str, float]] = []

    def scrape() -> None:
        found.append(figures(Shop(Gateway(silent), shop.runner)))
        done.set()

    threading.Thread(target=scrape, daemon=True).start()

    assert done.wait(9)  # Prometheus gives up after ten
    assert found[0]["broker_up"] == 0


def test_a_put_that_has_waited_in_the_spool_tells_its_age(shop: Shop, guarded: Settings) -> None:
    class AnHourAgo(SystemClock):
        def wall(self) -> datetime:
            return super().wall() - timedelta(hours=1)

    spool = Spool.of(guarded, AnHourAgo())
    spool.append(a_put())
    spool.close()

    assert figures(shop)['spool_oldest_seconds{account="default"}'] == pytest.approx(3600, abs=60)


def test_a_spool_that_can_not_be_read_is_told_and_the_queue_all_the_same(
    shop: Shop, guarded: Settings
) -> None:
    guarded.spool_file.write_bytes(b"this is no database, however long it is" * 100)

    found = figures(shop)

    assert found["spool_readable"] == 0
    assert not [name for name in found if name.startswith("spool_puts")]
    assert found['jobs{account="default",state="dead"}'] == 0


def test_it_looks_once_a_second_however_often_it_is_asked(
    settings: Settings, queue: Queue, shop: Shop
) -> None:
    clock = HandClock()
    registry = CollectorRegistry()
    registry.register(QueueState(settings, clock))

    def accepted() -> float | None:
        labels = {"account": "default", "term": "accepted"}
        return registry.get_sample_value(f"{PREFIX}ledger_jobs_total", labels)

    assert accepted() == 0
    shop.post(SALE, sale("1"))
    clock.now_s += 0.9
    assert accepted() == 0
    clock.now_s += 0.2
    assert accepted() == 1
    assert queue.stats().ledger.accepted == 1
