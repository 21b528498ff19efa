"""While Redis is away puts are kept, and handed over in order when it is back."""

import json
import logging
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from redis.exceptions import OutOfMemoryError
from tests.acceptance.proxy import Proxy
from tests.producers.conftest import CountingWaker
from tests.producers.spool.conftest import a_put, fill

from onport_producers import BrokerUnavailableError, Producer, State
from onport_producers.broker_memory import BrokerMemory
from onport_producers.handover import Handover
from onport_producers.spool import Spool, flush, turn_of
from onport_queue.clock import SystemClock
from onport_queue.errors import SpoolError
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch, PutReply
from onport_queue.settings import Settings
from onport_queue.store import Queue

WaitUntil = Callable[..., None]
CLOCK = SystemClock()


@pytest.fixture
def proxy(broker_url: str) -> Iterator[Proxy]:
    with Proxy(port_of(broker_url)) as running:
        yield running


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


@pytest.fixture
def away_settings(settings: Settings, proxy: Proxy) -> Settings:
    """Settings whose broker is reached through the proxy."""
    direct = settings.redis_url or ""
    url = direct.replace(f":{port_of(direct)}/", f":{proxy.port}/")
    return settings.model_copy(update={"redis_url": url})


@pytest.fixture
def shop(away_settings: Settings, waker: CountingWaker, redis_client: redis.Redis) -> Producer:
    del redis_client  # it empties the broker
    return Producer(away_settings, waker=waker)


@pytest.fixture
def host_spool(settings: Settings) -> Iterator[Spool]:
    """The file that the shop's puts go to."""
    spool = Spool.of(settings, CLOCK)
    yield spool
    spool.close()


def sale(key: str = "1", **fields: object) -> dict[str, object]:
    return {"externalId": key, "lineItems": [], **fields}


def fragments(queue: Queue, key: str) -> list[object]:
    view = queue.show(Kind.SALE, "default", key)
    return [json.loads(fragment.body) for fragment in view.fragments] if view else []


def handover(redis_client: redis.Redis, epoch: str = "") -> Handover:
    memory = BrokerMemory(CLOCK)
    memory.recall(0, epoch)
    return Handover(Queue(redis_client), CountingWaker(), memory, CLOCK)


def test_a_put_is_spooled_and_handed_over_by_itself(
    shop: Producer, proxy: Proxy, queue: Queue, waker: CountingWaker, wait_until: WaitUntil
) -> None:
    proxy.refuse()
    receipt = shop.create_sale(sale())
    assert (receipt.state, receipt.expected_at, receipt.id) == (
        State.SPOOLED,
        None,
        "sale:default:1",
    )
    assert queue.stats().pending == 0
    proxy.listen()
    wait_until(lambda: queue.stats().pending == 1)
    wait_until(lambda: waker.woken == [Lane.HIGH])
    assert fragments(queue, "1") == [sale()]


def test_while_the_spool_holds_something_all_puts_of_the_host_queue_behind_it(
    shop: Producer, away_settings: Settings, proxy: Proxy, queue: Queue, wait_until: WaitUntil
) -> None:
    proxy.refuse()
    shop.create_sale(sale("1", n=1))
    other = Producer(away_settings, waker=CountingWaker())
    assert other.update_sale(sale("1", n=2)).state is State.SPOOLED
    shop.update_sale({"externalId": "1", "n": 3}, partial=True)
    other.update_sale({"externalId": "1", "m": 4}, partial=True)
    proxy.listen()
    wait_until(lambda: len(fragments(queue, "1")) == 3)
    assert fragments(queue, "1")[0] == sale("1", n=2)
    wait_until(lambda: shop.update_sale(sale("1", n=5)).state is State.FOLDED)
    assert fragments(queue, "1") == [sale("1", n=5)]


def test_a_bulk_put_goes_on_into_the_spool(
    shop: Producer, proxy: Proxy, queue: Queue, wait_until: WaitUntil
) -> None:
    def items() -> Iterator[dict[str, object]]:
        for number in range(1_600):
            if number == 600:
                proxy.refuse()
            yield {"sku": str(number)}

    summary = shop.import_products(items())
    assert summary.accepted == 1_600
    assert summary.spooled >= 1_000
    proxy.listen()
    wait_until(lambda: queue.stats().pending == 1_600)
    assert queue.stats().imbalance == 0


def test_a_put_with_an_unknown_outcome_makes_no_second_job(
    settings: Settings, queue: Queue, wait_until: WaitUntil
) -> None:
    spool = Spool.of(settings, CLOCK)
    batch = a_put(latest_ms=None)
    queue.put(batch)  # it came, but its answer did not
    spool.append(replace(batch, latest_ms=1))
    Producer(settings, waker=CountingWaker())
    wait_until(lambda: not spool.is_holding())
    stats = queue.stats()
    assert (stats.pending, stats.ledger.duplicate, stats.imbalance) == (1, 1, 0)
    spool.close()


def test_what_a_dead_process_left_is_flushed_at_the_next_start(
    shop: Producer,
    settings: Settings,
    host_spool: Spool,
    proxy: Proxy,
    queue: Queue,
    wait_until: WaitUntil,
) -> None:
    proxy.refuse()
    pid = os.fork()
    if pid == 0:
        shop.create_sale(sale())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert host_spool.is_holding()
    assert queue.stats().pending == 0
    Producer(settings, waker=CountingWaker())
    wait_until(lambda: queue.stats().pending == 1)
    wait_until(lambda: not host_spool.is_holding())


class DyingHandover(Handover):
    """Kills its process after so many puts, before anybody has heard of the last."""

    puts_left = 71

    def put(self, batch: PutBatch) -> PutReply:
        reply = super().put(batch)
        self.puts_left -= 1
        if self.puts_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return reply


def test_killed_in_the_middle_of_a_flush_nothing_is_lost_and_nothing_twice(
    redis_client: redis.Redis, broker_url: str, host_spool: Spool, queue: Queue
) -> None:
    for number in range(200):
        host_spool.append(a_put(str(number)))
    pid = os.fork()
    if pid == 0:
        memory = BrokerMemory(CLOCK)
        own = Queue(redis.Redis.from_url(broker_url))
        flush(host_spool, DyingHandover(own, CountingWaker(), memory, CLOCK))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert queue.stats().pending == 71

    flushed = flush(host_spool, handover(redis_client))
    assert (flushed.puts, flushed.error) == (150, None)
    stats = queue.stats()
    assert (stats.pending, stats.ledger.duplicate, stats.imbalance) == (200, 21, 0)
    assert not host_spool.is_holding()


def test_only_one_process_of_a_host_flushes(host_spool: Spool) -> None:
    host_spool.append(a_put())
    with turn_of(host_spool.path) as first, turn_of(host_spool.path) as second:
        assert (first, second) == (True, False)
    with turn_of(host_spool.path) as again:
        assert again


def test_a_child_that_was_forked_during_a_flush_does_not_keep_the_turn(host_spool: Spool) -> None:
    host_spool.append(a_put())
    may_end, end_child = os.pipe()
    with turn_of(host_spool.path):
        pid = os.fork()
        if pid == 0:
            os.close(end_child)
            os.read(may_end, 1)
            os._exit(0)
        with turn_of(host_spool.path) as second:
            assert not second
    with turn_of(host_spool.path) as again:
        assert again
    os.close(end_child)
    os.waitpid(pid, 0)


def test_the_turn_of_a_killed_process_does_not_live_on_in_its_child(
    host_spool: Spool, wait_until: WaitUntil
) -> None:
    host_spool.append(a_put())
    may_end, end_child = os.pipe()
    pid = os.fork()
    if pid == 0:
        with turn_of(host_spool.path):
            if os.fork():
                os.kill(os.getpid(), signal.SIGKILL)
            os.close(end_child)
            os.read(may_end, 1)
            os._exit(0)
    os.waitpid(pid, 0)

    def is_ours() -> bool:
        with turn_of(host_spool.path) as ours:
            return ours

    wait_until(is_ours)
    os.close(end_child)


def test_a_child_forked_while_its_parent_flushes_flushes_too(
    shop: Producer, proxy: Proxy, queue: Queue, wait_until: WaitUntil
) -> None:
    proxy.refuse()
    shop.create_sale(sale("parent"))
    may_end, end_child = os.pipe()
    pid = os.fork()
    if pid == 0:
        shop.create_sale(sale("child"))
        os.close(end_child)
        os.read(may_end, 1)
        os._exit(0)
    proxy.listen()
    wait_until(lambda: queue.stats().pending == 2)
    os.close(end_child)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_child_that_puts_nothing_flushes_what_another_left(
    shop: Producer, proxy: Proxy, queue: Queue, wait_until: WaitUntil
) -> None:
    proxy.refuse()
    if os.fork() == 0:
        shop.create_sale(sale())
        os._exit(0)
    os.wait()
    may_end, end_child = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(end_child)
        os.read(may_end, 1)
        os._exit(0)
    proxy.listen()
    wait_until(lambda: queue.stats().pending == 1)
    os.close(end_child)
    os.waitpid(pid, 0)


def test_a_flush_ends_at_a_broker_that_is_full_and_goes_on_later(
    redis_client: redis.Redis, host_spool: Spool, queue: Queue
) -> None:
    host_spool.append(a_put())
    redis_client.config_set("maxmemory", 1_000_000)
    flushed = flush(host_spool, handover(redis_client))
    redis_client.config_set("maxmemory", 0)
    assert isinstance(flushed.error, OutOfMemoryError)
    assert host_spool.is_holding()
    assert flush(host_spool, handover(redis_client)).puts == 1
    assert queue.stats().pending == 1


def test_a_broker_that_is_full_gets_its_puts_when_it_has_room(
    producer: Producer, redis_client: redis.Redis, queue: Queue, wait_until: WaitUntil
) -> None:
    redis_client.config_set("maxmemory", 1_000_000)
    try:
        assert producer.create_sale(sale()).state is State.SPOOLED
    finally:
        redis_client.config_set("maxmemory", 0)
    wait_until(lambda: queue.stats().pending == 1)


def test_a_put_that_is_refused_for_good_is_set_aside_and_holds_nobody_up(
    redis_client: redis.Redis, host_spool: Spool, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    for key, kind in (("first", Kind.SALE), ("bad", Kind.PRODUCT), ("last", Kind.SALE)):
        host_spool.append(replace(a_put(key, b'"personal"'), kind=kind))
    redis_client.hset("onport-relay:{default}:pending:high:default:product", "in the way", "")
    assert flush(host_spool, handover(redis_client)).puts == 2
    redis_client.delete("onport-relay:{default}:pending:high:default:product")
    assert queue.stats().pending == 2
    assert not host_spool.is_holding()
    (refused,) = host_spool.contents().refused
    assert (refused.kind, refused.jobs) == (Kind.PRODUCT, 1)
    assert refused.reason.startswith("ResponseError: WRONGTYPE")
    assert "spooled_put_refused" in caplog.text
    assert "personal" not in caplog.text


def test_a_put_that_can_not_even_be_asked_for_is_set_aside(
    redis_client: redis.Redis, host_spool: Spool
) -> None:
    host_spool.append(replace(a_put("1"), channel="no:name"))
    host_spool.append(a_put("2"))
    assert flush(host_spool, handover(redis_client)).puts == 1
    (refused,) = host_spool.contents().refused
    assert refused.reason == "ValueError"


def test_a_full_spool_is_not_held_up_by_what_is_refused(
    settings: Settings, redis_client: redis.Redis, queue: Queue
) -> None:
    spool = Spool.of(settings.model_copy(update={"spool_mb": 1}), CLOCK)
    spool.append(replace(a_put("bad", b"x" * 50_000), kind=Kind.PRODUCT))
    with pytest.raises(SpoolError, match="full"):
        fill(spool)
    waiting = spool.contents().puts
    redis_client.hset("onport-relay:{default}:pending:high:default:product", "in the way", "")
    assert flush(spool, handover(redis_client)).puts == waiting - 1
    redis_client.delete("onport-relay:{default}:pending:high:default:product")
    assert queue.stats().pending == waiting - 1
    assert spool.contents().refused_puts == 1
    spool.close()


def test_a_flush_goes_on_past_a_put_that_can_not_be_read(
    redis_client: redis.Redis, host_spool: Spool, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    for key in "123":
        host_spool.append(a_put(key))
    host_spool.close()
    with closing(sqlite3.connect(host_spool.path)) as damager, damager:
        damager.execute("UPDATE puts SET jobs = 'personal' WHERE place = 2")
    assert flush(host_spool, handover(redis_client)).puts == 2
    assert queue.stats().pending == 2
    assert not host_spool.is_holding()
    assert "spooled_put_refused place=2 reason=can't be read" in caplog.text
    assert "personal" not in caplog.text


def test_a_put_that_was_kept_has_its_receipt_though_nothing_more_can_be_noted(
    shop: Producer, proxy: Proxy, host_spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    shop.create_sale(sale("1"))
    host_spool.note("other", "fact")
    with closing(sqlite3.connect(host_spool.path)) as obstructor, obstructor:
        obstructor.execute(
            "CREATE TRIGGER t BEFORE INSERT ON facts BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
    proxy.refuse()
    assert shop.create_sale(sale("2")).state is State.SPOOLED
    assert "fact_not_noted name=epoch" in caplog.text


def test_a_spool_that_can_not_be_asked_about_does_not_stop_a_shop_whose_broker_is_well(
    settings: Settings, redis_client: redis.Redis, tmp_path: Path
) -> None:
    del redis_client
    path = tmp_path / ("x" * 300)
    shop = Producer(settings.model_copy(update={"spool_path": path}), waker=CountingWaker())
    assert shop.create_sale(sale()).state is State.PENDING


def test_without_a_spool_a_put_is_refused(away_settings: Settings, proxy: Proxy) -> None:
    proxy.refuse()
    shop = Producer(away_settings.model_copy(update={"spool_mb": 0}), waker=CountingWaker())
    with pytest.raises(BrokerUnavailableError, match=r"broker 127\.0\.0\.1:"):
        shop.create_sale(sale())


def test_if_the_spool_can_not_take_it_both_causes_are_named(
    away_settings: Settings, proxy: Proxy, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "spool.db"
    shop = Producer(away_settings.model_copy(update={"spool_path": path}), waker=CountingWaker())
    proxy.refuse()
    with pytest.raises(SpoolError, match=r"broker 127\.0\.0\.1:.*; spool .*/file/spool\.db: "):
        shop.create_sale(sale())


def test_a_damaged_spool_does_not_stop_a_shop_whose_broker_is_well(
    settings: Settings, redis_client: redis.Redis, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    del redis_client
    settings.spool_file.write_bytes(b"not a database " * 1_000)
    shop = Producer(settings, waker=CountingWaker())
    assert shop.create_sale(sale("1")).state is State.PENDING
    assert shop.create_sale(sale("2")).state is State.PENDING
    assert caplog.text.count("spool_unreadable") == 1
    assert queue.stats().pending == 2


def test_a_broker_that_came_back_empty_is_noticed(
    producer: Producer, redis_client: redis.Redis, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    producer.create_sale(sale("1"))
    redis_client.flushall()
    producer.create_sale(sale("2"))
    assert caplog.text.count("broker_emptied") == 1
    assert queue.stats().emptied_ms is not None


def test_it_is_noticed_by_the_next_process_too(
    shop: Producer,
    settings: Settings,
    proxy: Proxy,
    redis_client: redis.Redis,
    queue: Queue,
    wait_until: WaitUntil,
) -> None:
    shop.create_sale(sale("1"))
    proxy.refuse()
    pid = os.fork()
    if pid == 0:
        shop.create_sale(sale("2"))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    redis_client.flushall()
    Producer(settings, waker=CountingWaker())
    wait_until(lambda: queue.stats().emptied_ms is not None)


def test_a_clock_that_is_off_is_remembered_for_the_next_process(
    settings: Settings, redis_client: redis.Redis, host_spool: Spool
) -> None:
    del redis_client

    class AnHourBehind(SystemClock):
        def wall(self) -> datetime:
            return super().wall() - timedelta(hours=1)

    shop = Producer(settings, waker=CountingWaker(), clock=AnHourBehind())
    shop.create_sale(sale("1"))
    assert float(host_spool.fact("offset_ms") or 0) == pytest.approx(3_600_000, abs=5_000)


def test_a_healthy_shop_makes_no_file(producer: Producer, host_spool: Spool) -> None:
    producer.create_sale(sale())
    assert not host_spool.path.exists()


def test_a_put_that_was_given_up_and_comes_late_is_no_newer_than_those_made_since(
    shop: Producer, redis_client: redis.Redis, queue: Queue, wait_until: WaitUntil
) -> None:
    shop.create_sale(sale("0"))  # it has heard Redis's time
    pid = int(redis_client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        shop.create_sale(sale("1", n=1))  # lies in the connection
        assert shop.update_sale(sale("1", n=2)).state is State.SPOOLED
        CLOCK.wait(threading.Event(), 1.0)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: fragments(queue, "1") == [sale("1", n=2)])
    assert queue.stats().imbalance == 0


def test_a_shop_that_is_older_than_the_queue_keeps_its_orders_until_it_is_upgraded(
    producer: Producer,
    redis_client: redis.Redis,
    queue: Queue,
    host_spool: Spool,
    caplog: pytest.LogCaptureFixture,
    wait_until: WaitUntil,
) -> None:
    meta = "onport-relay:{default}:meta"
    redis_client.hset(meta, "format", 2)
    assert producer.create_sale(sale("1")).state is State.SPOOLED
    assert producer.create_sale(sale("2")).state is State.SPOOLED
    loud = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert ["is of format 2" in record.getMessage() for record in loud] == [True]
    assert host_spool.contents().refused_puts == 0
    redis_client.hset(meta, "format", 1)  # as if this were the newer release
    wait_until(lambda: queue.stats().pending == 2)
    assert not host_spool.is_holding()
