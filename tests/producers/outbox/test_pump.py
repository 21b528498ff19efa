"""Committed rows are handed over in order, each once or harmlessly again, by many pumps."""

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import Connection, Engine, event, func, insert, update
from sqlalchemy.exc import OperationalError
from tests.acceptance.proxy import Proxy
from tests.producers.conftest import CountingWaker
from tests.producers.outbox.conftest import held, sale

from onport_producers.broker_memory import BrokerMemory
from onport_producers.handover import Handover
from onport_producers.outbox import Acknowledgement, NewSale, Outbox, OutboxJob, Pump, SaleUpdate
from onport_producers.outbox.rows import readmit, take
from onport_producers.outbox.table import rows
from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.errors import SettingsError
from onport_queue.jobs import Job
from onport_queue.names import Kind
from onport_queue.puts import PutBatch, PutReply
from onport_queue.store import Queue

APump = Callable[[], Pump]
# SQLite locks no rows, and has one writer, so that rows become visible in order.
POSTGRESQL = pytest.mark.parametrize("dsn", ["postgresql"], indirect=True)
IN_THE_WAY = "onport-relay:{default}:history"


def add(engine: Engine, outbox: Outbox, *jobs: OutboxJob) -> None:
    """Commit jobs, each in a transaction of its own."""
    for job in jobs:
        with engine.begin() as connection:
            outbox.add(connection, job)


def numbers(queue: Queue, key: str = "1") -> list[object]:
    """Return what the fragments of a sale have as their `n`."""
    view = queue.show(Kind.SALE, "default", key)
    return [json.loads(one.body).get("n") for one in view.fragments] if view else []


def part(number: int, key: str = "1") -> SaleUpdate:
    """Return a change of a sale. All have one version, so that they stand as they came."""
    return SaleUpdate({"externalId": key, "n": number}, partial=True, version=5)


class Watched(Handover):
    """Notes the keys and the bodies in the order in which they are handed over; may fail."""

    def __init__(self, queue: Queue, fails_at: int | None = None) -> None:
        clock = SystemClock()
        super().__init__(queue, CountingWaker(), BrokerMemory(clock), clock)
        self.seen: list[PutBatch] = []
        self.fails_at = fails_at

    def put(self, batch: PutBatch) -> PutReply:
        if len(self.seen) == self.fails_at:
            raise RedisConnectionError("gone")
        self.seen.append(batch)
        return super().put(batch)


def test_rows_are_handed_over_in_the_order_of_their_adding(
    engine: Engine, outbox: Outbox, queue: Queue
) -> None:
    watched = Watched(queue)
    add(engine, outbox, *(part(n, key) for n in range(150) for key in ("a", "b")))
    pumped = Pump(engine, lambda _: watched, SystemClock()).empty()
    assert (pumped.rows, held(engine).rows) == (300, 0)
    for key in ("a", "b"):
        jobs = [job for one in watched.seen for job in one.jobs if isinstance(job, Job)]
        bodies = [json.loads(job.body) for job in jobs if job.key == key]
        assert [body["n"] for body in bodies] == list(range(150))


@POSTGRESQL
def test_an_earlier_row_that_another_pump_has_holds_up_its_key_only(
    engine: Engine, outbox: Outbox, a_pump: APump, queue: Queue
) -> None:
    add(engine, outbox, part(1))
    with engine.connect() as other, other.begin():
        assert len(take(other, 10, most_bytes=10_000)) == 1
        add(engine, outbox, part(2), NewSale(sale("2")))
        assert a_pump().batch().rows == 1
        assert (numbers(queue), numbers(queue, "2")) == ([], [None])
        # It is killed before it has put anything.
        other.rollback()
    assert a_pump().batch().rows == 2
    assert numbers(queue) == [1, 2]


@POSTGRESQL
def test_a_row_that_becomes_visible_after_later_ones_is_handed_over(
    engine: Engine, outbox: Outbox, pump: Pump, queue: Queue
) -> None:
    with engine.connect() as slow, slow.begin():
        outbox.add(slow, NewSale(sale("1", n=1)))
        add(engine, outbox, SaleUpdate(sale("1", n=2)), NewSale(sale("2", n=3)))
        assert pump.batch().rows == 2
    assert pump.batch().rows == 1
    # It was added before, so it is older.
    assert numbers(queue) == [2]
    assert queue.stats().imbalance == 0


@POSTGRESQL
def test_the_server_takes_the_rows_of_a_pump_that_is_gone_from_it(
    engine: Engine, outbox: Outbox, pump: Pump
) -> None:
    bounds: list[object] = []

    def ask(connection: Connection) -> None:
        asked = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout")
        bounds.append(asked.scalar())

    add(engine, outbox, NewSale(sale()))
    event.listen(engine, "commit", ask)
    assert pump.batch().rows == 1
    assert bounds == ["30s"]


def test_a_row_that_was_put_and_not_deleted_makes_no_second_job(
    engine: Engine, outbox: Outbox, pump: Pump, handover: Handover, queue: Queue
) -> None:
    add(engine, outbox, part(1), part(2))
    with engine.connect() as killed, killed.begin():
        for entry in take(killed, 10, most_bytes=10_000):
            handover.put(entry.batch)
        killed.rollback()
    assert pump.batch().rows == 2
    assert numbers(queue) == [1, 2]
    ledger = queue.stats().ledger
    assert (ledger.accepted, ledger.duplicate, ledger.folded) == (4, 2, 1)


def test_what_was_handed_over_before_the_broker_went_is_deleted(
    engine: Engine, outbox: Outbox, queue: Queue
) -> None:
    add(engine, outbox, *(part(n) for n in range(5)))
    watched = Watched(queue, fails_at=3)
    pumped = Pump(engine, lambda _: watched, SystemClock()).empty()
    assert (pumped.rows, type(pumped.error)) == (3, RedisConnectionError)
    assert held(engine).rows == 2


def test_a_pump_waits_for_the_broker_and_goes_on(
    engine: Engine,
    outbox: Outbox,
    broker_url: str,
    queue: Queue,
    wait_until: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    direct = redis.Redis.from_url(broker_url).connection_pool.connection_kwargs["port"]
    with Proxy(direct) as proxy:
        client = connect(broker_url.replace(f":{direct}/", f":{proxy.port}/"), retries=0)
        watched = Watched(Queue(client))
        with running(Pump(engine, lambda _: watched, SystemClock())):
            add(engine, outbox, NewSale(sale("1")))
            wait_until(lambda: queue.stats().pending == 1)
            proxy.refuse()
            add(engine, outbox, NewSale(sale("2")))
            wait_until(lambda: "outbox_waited on=broker" in caplog.text)
            assert held(engine).rows == 1
            proxy.listen()
            wait_until(lambda: queue.stats().pending == 2 and held(engine).rows == 0)
        client.close()


def test_a_pump_waits_for_the_database_and_goes_on(
    engine: Engine,
    outbox: Outbox,
    a_pump: APump,
    queue: Queue,
    wait_until: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pump, away = a_pump(), threading.Event()
    away.set()
    whole = engine.begin

    def begin() -> object:
        if away.is_set():
            raise OperationalError("BEGIN", {}, Exception("the server said no\nDETAIL: secret"))
        return whole()

    monkeypatch.setattr(engine, "begin", begin)
    with running(pump):
        wait_until(lambda: "the server said no" in caplog.text)
        away.clear()
        add(engine, outbox, NewSale(sale()))
        wait_until(lambda: queue.stats().pending == 1)
    assert "secret" not in caplog.text


def test_a_refused_row_is_set_aside_with_its_reason_and_the_others_go_on(
    engine: Engine,
    outbox: Outbox,
    pump: Pump,
    queue: Queue,
    redis_client: redis.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add(engine, outbox, NewSale(sale("1", customer={"email": "ada@example.com"})))
    redis_client.set(IN_THE_WAY, "")
    assert pump.batch().refused == 1
    redis_client.delete(IN_THE_WAY)
    add(engine, outbox, part(2, "1"), NewSale(sale("2")))
    assert pump.empty().rows == 2
    found = held(engine)
    assert (found.rows, found.refused_rows) == (0, 1)
    assert found.refused[0].key == "sale:default:1"
    assert "WRONGTYPE" in found.refused[0].reason
    assert "ada@" not in caplog.text + found.refused[0].reason
    with engine.begin() as connection:
        readmit(connection)
    assert pump.batch().rows == 1
    assert held(engine).refused_rows == 0
    assert queue.stats().imbalance == 0


def test_a_row_of_a_channel_that_the_pump_does_not_know_is_set_aside(
    engine: Engine, outbox: Outbox, handover: Handover
) -> None:
    def handover_of(channel: str) -> Handover:
        raise SettingsError(f"channel {channel!r} is not in the settings")

    add(engine, outbox, NewSale(sale()))
    pump = Pump(engine, handover_of, SystemClock())
    assert pump.empty().refused == 1
    assert held(engine).refused[0].reason == "channel 'default' is not in the settings"
    assert Pump(engine, lambda _: handover, SystemClock()).empty().rows == 0


def test_a_row_that_can_not_be_read_is_set_aside(
    engine: Engine, outbox: Outbox, pump: Pump, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.begin() as connection:
        for number in range(120):
            values = {"put_id": "00", "key": f"k{number}", "put": '{"kind": "a wish"}\n[]'}
            connection.execute(insert(rows).values(values))
    add(engine, outbox, NewSale(sale()))
    assert pump.batch().rows == 1
    assert held(engine).refused_rows == 120
    assert held(engine).refused[0].reason.startswith("can't be read: ")
    assert caplog.records[0].levelno == logging.ERROR


def test_a_row_of_a_newer_release_is_set_aside(
    engine: Engine, outbox: Outbox, pump: Pump, queue: Queue
) -> None:
    add(engine, outbox, NewSale(sale()))
    with engine.begin() as connection:
        newer = func.replace(rows.c.put, '"format": 1', '"format": 2')
        connection.execute(update(rows).values(put=newer))
    assert pump.batch().rows == 0
    assert (held(engine).refused_rows, queue.stats().pending) == (1, 0)


def test_a_row_of_a_release_that_wrote_no_format_is_read(
    engine: Engine, outbox: Outbox, pump: Pump, queue: Queue
) -> None:
    add(engine, outbox, NewSale(sale()))
    with engine.begin() as connection:
        earlier = func.replace(rows.c.put, '"format": 1, ', "")
        connection.execute(update(rows).values(put=earlier))
    assert pump.batch().rows == 1
    assert queue.stats().pending == 1


def test_a_batch_is_bounded_in_bytes(engine: Engine, outbox: Outbox) -> None:
    add(engine, outbox, *(NewSale(sale(str(n), note="x" * 10_000)) for n in range(20)))
    with engine.begin() as connection:
        assert len(take(connection, 100, most_bytes=50_000)) == 5
        assert len(take(connection, 100, most_bytes=1)) == 1


def test_a_job_without_a_version_takes_the_time_of_its_adding(
    engine: Engine, outbox: Outbox, pump: Pump, queue: Queue
) -> None:
    add(engine, outbox, NewSale(sale()))
    with engine.begin() as connection:
        connection.execute(update(rows).values(added_ms=rows.c.added_ms - 60_000))
        (entry,) = take(connection, 1, most_bytes=1)
    assert pump.batch().rows == 1
    view = queue.show(Kind.SALE, "default", "1")
    assert view is not None
    assert view.fragments[0].version == entry.batch.latest_ms
    assert entry.batch.kept


def test_wishes_about_a_variant_are_handed_over_in_order_too(
    engine: Engine, outbox: Outbox, pump: Pump, queue: Queue
) -> None:
    def wish(vendor_sku: str) -> dict[str, object]:
        return {"sku": "A", "vendorSkus": [{"vendorSku": vendor_sku, "dropshipProviderId": 1}]}

    add(engine, outbox, *(Acknowledgement(wish(str(n))) for n in range(3)))
    pump.batch()
    view = queue.show(Kind.ACKNOWLEDGE, "default", "A")
    assert view is not None
    assert [json.loads(one.body)["vendorSku"] for one in view.fragments] == ["0", "1", "2"]


def test_the_shop_may_write_while_a_batch_is_handed_over(
    engine: Engine, outbox: Outbox, queue: Queue
) -> None:
    class Busy(Watched):
        def put(self, batch: PutBatch) -> PutReply:
            if not self.seen:
                add(engine, outbox, NewSale(sale("meanwhile")))
            return super().put(batch)

    add(engine, outbox, NewSale(sale("1")), NewSale(sale("2")))
    busy = Busy(queue)
    pump = Pump(engine, lambda _: busy, SystemClock())
    assert pump.batch().rows == 2
    assert pump.batch().rows == 1


def test_many_pumps_share_the_work_and_lose_nothing(
    engine: Engine, outbox: Outbox, a_pump: APump, queue: Queue, wait_until: Callable[..., None]
) -> None:
    add(engine, outbox, *(part(n, str(n % 20)) for n in range(300)))
    with ThreadPoolExecutor(4) as threads, ExitStack() as ending:
        stop = threading.Event()
        ending.callback(stop.set)
        pumping = [threads.submit(a_pump().run, stop.is_set) for _ in range(4)]
        wait_until(lambda: held(engine).rows == 0)
        stop.set()
        done = [pump.result().rows for pump in pumping]
    ledger = queue.stats().ledger
    assert ledger.accepted - ledger.duplicate == 300
    assert sum(done) >= 300 if engine.dialect.name == "sqlite" else sum(done) == 300
    for key in range(20):
        assert numbers(queue, str(key)) == list(range(key, 300, 20))
    assert queue.stats().imbalance == 0


class running:  # noqa: N801 - reads as what it does
    """Let a pump run while the context lasts."""

    def __init__(self, pump: Pump) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=pump.run, args=(self._stop.is_set,))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
