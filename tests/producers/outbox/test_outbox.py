"""A job stands in the outbox exactly if the shop's transaction is committed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, Text, create_engine, select
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)
from tests.producers.outbox.conftest import held, sale

from onport_producers import InvalidJobError
from onport_producers.outbox import (
    Acknowledgement,
    Disconnection,
    NewSale,
    Outbox,
    OutboxJob,
    Product,
    Pump,
    SaleUpdate,
    ddl,
)
from onport_producers.outbox.rows import take
from onport_producers.outbox.table import rows
from onport_queue.names import Kind, Lane
from onport_queue.settings import load_settings
from onport_queue.store import Queue


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    total: Mapped[int]


def test_a_committed_job_comes_into_the_queue_and_its_row_is_gone(
    engine: Engine, outbox: Outbox, pump: Pump, queue: Queue
) -> None:
    with Session(engine) as session, session.begin():
        added = outbox.add(session, NewSale('{"externalId": "1",  "paid": true}'))
    assert (added.id, len(added.warnings)) == ("sale:default:1", 2)
    assert pump.batch().rows == 1
    view = queue.show(Kind.SALE, "default", "1")
    assert view is not None
    assert view.lane is Lane.HIGH
    assert view.fragments[0].body == b'{"externalId": "1",  "paid": true}'
    assert held(engine).rows == 0


def test_a_job_of_a_rolled_back_transaction_is_nowhere(
    engine: Engine, outbox: Outbox, pump: Pump, queue: Queue
) -> None:
    with Session(engine) as session:
        outbox.add(session, NewSale(sale()))
        session.rollback()
    assert pump.batch().rows == 0
    assert queue.stats().ledger.accepted == 0


def test_a_job_is_not_handed_over_before_it_is_committed(
    engine: Engine, outbox: Outbox, pump: Pump
) -> None:
    with engine.connect() as connection, connection.begin():
        outbox.add(connection, NewSale(sale()))
        if engine.dialect.name == "postgresql":  # SQLite has one writer; a pump waits for it
            assert pump.batch().rows == 0
    assert pump.batch().rows == 1


def test_order_and_job_are_one_transaction(engine: Engine, outbox: Outbox) -> None:
    Base.metadata.create_all(engine)
    sessions = scoped_session(sessionmaker(engine))
    with sessions.begin():
        sessions.add(Order(id="1", total=20))
        outbox.add(sessions, NewSale(sale("1")))
        # The order's row is there, and locked, before the job has its place.
        assert not sessions.new
    sessions.remove()
    with Session(engine) as session:
        assert session.scalars(select(Order.id)).all() == ["1"]
    assert held(engine).rows == 1


JOBS: list[tuple[OutboxJob, Kind, str, Lane]] = [
    (NewSale(sale()), Kind.SALE, "1", Lane.HIGH),
    (SaleUpdate(sale()), Kind.SALE, "1", Lane.LOW),
    (SaleUpdate(sale(), partial=True, version=7), Kind.SALE, "1", Lane.LOW),
    (Product({"sku": "A"}), Kind.PRODUCT, "sku=A", Lane.LOW),
    (Acknowledgement({"sku": "A", "vendorSkus": []}), Kind.ACKNOWLEDGE, "A", Lane.LOW),
    (Disconnection({"sku": "A", "vendorSkus": []}), Kind.DISCONNECT, "A", Lane.LOW),
]


@pytest.mark.parametrize(("job", "kind", "key", "lane"), JOBS)
def test_a_job_means_what_the_producers_method_means(
    engine: Engine,
    outbox: Outbox,
    pump: Pump,
    queue: Queue,
    job: OutboxJob,
    kind: Kind,
    key: str,
    lane: Lane,
) -> None:
    with engine.begin() as connection:
        outbox.add(connection, job)
    assert pump.batch().rows == 1
    view = queue.show(kind, "default", key)
    assert view is not None
    assert view.lane is lane
    partial = isinstance(job, SaleUpdate) and job.partial
    assert (view.fragments[0].tag == "P") is partial
    if partial:
        assert view.fragments[0].version == 7


def test_a_job_may_be_due_later_and_a_product_may_be_forced(engine: Engine, outbox: Outbox) -> None:
    due = datetime(2031, 5, 1, 8, tzinfo=UTC)
    with engine.begin() as connection:
        outbox.add(connection, NewSale(sale(), not_before=due))
        outbox.add(connection, Product({"sku": "A"}))
        outbox.add(connection, Product({"sku": "B"}, force=True))
        puts = [entry.batch for entry in take(connection, 10, most_bytes=10_000)]
    assert [put.not_before_ms for put in puts] == [due.timestamp() * 1000, None, None]
    assert [put.skip_unchanged for put in puts] == [False, True, False]


@pytest.mark.parametrize(
    ("job", "place"),
    [
        (NewSale({}), "externalId"),
        (SaleUpdate(sale(lineItems=7)), "lineItems"),
        (NewSale(sale(), version=-1), "version"),
        (NewSale(sale(), channel="No Name"), "channel"),
        (Product({"sku": {}}), "sku"),
        (Acknowledgement({}), "sku"),
        (Disconnection({"sku": "A", "vendorSkus": [{}]}), "vendorSkus.0.vendorSku"),
    ],
)
def test_what_can_not_be_keyed_is_refused_in_the_shops_transaction(
    outbox: Outbox, job: OutboxJob, place: str
) -> None:
    with pytest.raises(InvalidJobError) as refusal:
        outbox.statement(job)
    assert refusal.value.place == place


def test_the_settings_of_the_producer_hold() -> None:
    strict = Outbox(load_settings(validation="strict"))
    with pytest.raises(InvalidJobError, match="lineItems: empty"):
        strict.statement(NewSale(sale()))
    by_barcode = Outbox(load_settings(product_key=("barcode",)))
    _, values = by_barcode.statement(Product({"sku": "A", "barcode": "4006381333931"}))
    assert values[1] == "product:default:barcode=4006381333931"


def test_a_failed_insert_says_nothing_of_the_payload(dsn: str, outbox: Outbox) -> None:
    engine = create_engine(dsn.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection, pytest.raises(StatementError) as failure:
        outbox.add(connection, NewSale(sale(customer={"email": "ada@example.com"})))
    engine.dispose()
    assert "onport_relay_outbox" in str(failure.value)
    assert "ada@" not in str(failure.value)


def test_every_put_has_an_id_of_its_own(outbox: Outbox) -> None:
    ids = {outbox.statement(NewSale(sale()))[1][0] for _ in range(10)}
    assert len(ids) == 10


def test_making_the_table_again_changes_nothing(engine: Engine, outbox: Outbox) -> None:
    with engine.begin() as connection:
        outbox.add(connection, NewSale(sale()))
        for statement in ddl(engine.dialect.name).rstrip(";\n").split(";\n"):
            connection.exec_driver_sql(statement)
    assert held(engine).rows == 1


def test_a_row_knows_when_it_was_added(
    engine: Engine, outbox: Outbox, wait_until: Callable[..., None]
) -> None:
    with engine.begin() as connection:
        outbox.add(connection, NewSale(sale()))
    with engine.connect() as connection:
        (added_ms,) = connection.scalars(select(rows.c.added_ms)).all()
        text = connection.scalars(select(rows.c.put)).one()
    assert added_ms > 1_600_000_000_000
    assert json.loads(text.partition("\n")[0])["kind"] == "sale"
    wait_until(lambda: (held(engine).oldest_s or 0) > 0)
