import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine
from tests.postgres import PostgresServer
from tests.producers.conftest import CountingWaker

from onport_producers.broker_memory import BrokerMemory
from onport_producers.handover import Handover
from onport_producers.outbox import Contents, Outbox, Pump, open_database
from onport_producers.outbox.database import create
from onport_producers.outbox.rows import contents
from onport_queue.clock import SystemClock
from onport_queue.settings import load_settings
from onport_queue.store import Queue


@pytest.fixture(params=["sqlite", "postgresql"])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of either sort."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.make_database(f"shop_{secrets.token_hex(6)}")


@pytest.fixture
def engine(dsn: str) -> Iterator[Engine]:
    """A database with an outbox."""
    engine = open_database(dsn)
    create(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(load_settings())


@pytest.fixture
def handover(redis_client: redis.Redis, waker: CountingWaker) -> Handover:
    clock = SystemClock()
    return Handover(Queue(redis_client), waker, BrokerMemory(clock), clock)


@pytest.fixture
def a_pump(engine: Engine, handover: Handover) -> Callable[[], Pump]:
    """Make pumps of one outbox."""
    return lambda: Pump(engine, lambda _: handover, SystemClock())


@pytest.fixture
def pump(a_pump: Callable[[], Pump]) -> Pump:
    return a_pump()


def held(engine: Engine) -> Contents:
    """Return what an outbox holds."""
    with engine.connect() as connection:
        return contents(connection)


def sale(key: str = "1", **fields: object) -> dict[str, object]:
    """Return a sale that is as plain as can be."""
    return {"externalId": key, "lineItems": [], **fields}
