"""A shop in a process of its own that commits orders with their jobs, and rolls some back.

    python -m tests.acceptance.order_desk DSN HISTORY --seed S --rate R

It works until it is sent TERM, and notes what became of each transaction: a job of one that was
rolled back counts as refused.
"""

import argparse
import random
import sys
import threading
from itertools import count
from pathlib import Path

from sqlalchemy import BigInteger
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from tests.acceptance.goods import Goods
from tests.acceptance.history import History, Put, Told

from onport_producers.outbox import (
    Acknowledgement,
    Disconnection,
    NewSale,
    Outbox,
    OutboxJob,
    Product,
    SaleUpdate,
    open_database,
)
from onport_queue.clock import SystemClock
from onport_queue.settings import load_settings
from onport_worker.stopping import Stopping

_KEYS = 200
_ROLLED_BACK = 0.3
_CLOCK = SystemClock()


class _Base(DeclarativeBase):
    pass


class _Order(_Base):
    __tablename__ = "orders"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class OrderDesk:
    """Makes transactions of one order and the jobs that come with it."""

    def __init__(self, dsn: str, history: History, chance: random.Random) -> None:
        self._engine = open_database(dsn)
        _Base.metadata.create_all(self._engine)
        self._outbox = Outbox(load_settings())
        self._history = history
        self._chance = chance
        self._created: set[str] = set()

    def transact(self, number: int, puts: list[Put]) -> None:
        """Commit an order and its jobs, or roll both back."""
        places = self._history.attempt(puts)
        with Session(self._engine) as session:
            session.add(_Order(number=number))
            for put in puts:
                self._outbox.add(session, self._job(put))
            if self._chance.random() < _ROLLED_BACK:
                session.rollback()
                told = Told.REFUSED
            else:
                session.commit()
                told = Told.ACKNOWLEDGED
        self._history.note(places, told)

    def _job(self, put: Put) -> OutboxJob:
        match put.family, put.tag:
            case "sale", "P":
                return SaleUpdate(put.body, version=put.version, partial=True)
            case "sale", _ if put.key in self._created:
                return SaleUpdate(put.body, version=put.version)
            case "sale", _:
                self._created.add(put.key)
                return NewSale(put.body, version=put.version)
            case "product", _:
                return Product(put.body)
            case _, "A":
                return Acknowledgement(put.body)
            case _:
                return Disconnection(put.body)


def main() -> int:
    """Work until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dsn")
    parser.add_argument("history", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    options = parser.parse_args()
    chance, never = random.Random(options.seed), threading.Event()
    goods = Goods("o", _KEYS, chance).some()
    with Stopping() as stopping, History(options.history) as history:
        desk = OrderDesk(options.dsn, history, chance)
        began = _CLOCK.monotonic_s()
        for number in count(1):
            desk.transact(number, next(goods))
            if stopping.asked:
                break
            _CLOCK.wait(never, number / options.rate - (_CLOCK.monotonic_s() - began))
    return 0


if __name__ == "__main__":
    sys.exit(main())
