"""Customers who order at a checkout, many at once, and what they were told."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count

from onport_queue.clock import SystemClock

_ANSWER_WITHIN_S = 20.0
_PAUSE_S = 0.02
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Order:
    """One that was answered."""

    key: str
    at_s: float
    state: str
    seconds: float
    blocked_s: float
    pid: int


@dataclass
class Crowd:
    """Orders until it is told to stop; every order has a key of its own."""

    port: int
    customers: int
    orders: list[Order] = field(default_factory=list)
    unanswered: Counter[str] = field(default_factory=Counter)
    _keys: Iterator[int] = field(default_factory=count)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def ordering(self) -> Iterator[None]:
        """Order while the context lasts."""
        self._stop.clear()
        with ThreadPoolExecutor(self.customers) as customers:
            shopping = [customers.submit(self._shop) for _ in range(self.customers)]
            try:
                yield
            finally:
                self._stop.set()
        for customer in shopping:
            customer.result()

    def between(self, began_s: float, ended_s: float) -> list[Order]:
        """Return the orders that were begun then."""
        return [order for order in self.orders if began_s <= order.at_s < ended_s]

    def _shop(self) -> None:
        while not self._stop.is_set():
            self.order(f"order-{next(self._keys)}")
            _CLOCK.wait(self._stop, _PAUSE_S)

    def order(self, key: str) -> None:
        """Order once, over a connection of its own."""
        began = _CLOCK.monotonic_s()
        shop = HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_WITHIN_S)
        try:
            shop.request("POST", f"/{key}")
            answer = shop.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            self.unanswered[type(error).__name__] += 1
            return
        finally:
            shop.close()
        if answer.status == 200:
            self.orders.append(Order(key, began, **json.loads(body)))
        else:
            self.unanswered[str(answer.status)] += 1
