"""How fast a pump empties an outbox: rows of as many keys, and rows of one key.

    python -m tests.benchmarks.outbox_speed [--rows 10000]

On SQLite and on PostgreSQL, with an embedded broker that waits for its disk (appendfsync always).
"""

import argparse
import secrets
import tempfile
from pathlib import Path

from sqlalchemy import Engine
from tests.postgres import PostgresServer

from onport_producers.broker_memory import BrokerMemory
from onport_producers.handover import Handover
from onport_producers.outbox import NewSale, Outbox, Pump, open_database
from onport_producers.outbox.database import create
from onport_producers.wakeup import CeleryWaker
from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.settings import load_settings
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker

_CLOCK = SystemClock()


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    many = parser.parse_args().rows
    with (
        tempfile.TemporaryDirectory() as home,
        EmbeddedBroker(Path(home) / "broker", appendfsync="always") as broker,
        PostgresServer() as postgres,
        connect(broker.url) as redis,
    ):
        waker, memory = CeleryWaker(broker.url), BrokerMemory(_CLOCK)
        handover = Handover(Queue(redis), waker, memory, _CLOCK)
        for dsn in (f"sqlite:///{home}/shop.db", postgres.make_database("shop")):
            engine = open_database(dsn)
            create(engine)
            for what, keys in (("as many keys", many), ("one key", 1)):
                _measure(engine, handover, what, many, keys)
            engine.dispose()


def _measure(engine: Engine, handover: Handover, what: str, many: int, keys: int) -> None:
    outbox, batch = Outbox(load_settings()), secrets.token_hex(4)
    began = _CLOCK.monotonic_s()
    with engine.begin() as connection:
        for number in range(many):
            sale = {"externalId": f"{batch}-{number % keys}", "note": "x" * 1_000}
            outbox.add(connection, NewSale(sale))
    added = _CLOCK.monotonic_s()
    pumped = Pump(engine, lambda _: handover, _CLOCK).empty()
    ended = _CLOCK.monotonic_s()
    assert pumped.rows == many, pumped
    print(
        f"{engine.dialect.name:<10}  {many:,} rows of {what:<12}  "
        f"added {(added - began) / many * 1000:.2f} ms each, "
        f"handed over {many / (ended - added):,.0f} rows/s"
    )


if __name__ == "__main__":
    main()
