"""The scenario: an import fills the low lane; while it drains, orders come in, Poisson."""

import heapq
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from onport_producers import Producer, State
from onport_queue.clock import Clock
from onport_queue.names import Lane
from onport_queue.store import Queue
from onport_sandbox import canonical_digest
from onport_worker.demo.diary import Diary, Entry
from onport_worker.demo.shop import Json, SaleEvent, Shop, acknowledgements, paid

IMPORT_STEP = 500
REFILL_STEP = 100
KEPT_PENDING = 2_000
ACKNOWLEDGE_STEPS = 10


@dataclass(frozen=True, slots=True)
class Extent:
    """How much happens: either so many of each, or for so many seconds."""

    rate: float
    sales: int
    products: int
    acks: int
    seconds: float | None


class Scenario:
    """Plays the shop's side; two threads, one for orders and one for everything that can wait."""

    def __init__(
        self,
        producer: Producer,
        queue: Queue,
        shop: Shop,
        extent: Extent,
        *,
        clock: Clock,
        seed: int,
    ) -> None:
        self.diary = Diary()
        self._producer = producer
        self._queue = queue
        self._shop = shop
        self._extent = extent
        self._clock = clock
        self._chance = random.Random(seed)  # noqa: S311 - a story, not a secret
        self._stop = threading.Event()
        self._failed: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(part,), name=part.__name__, daemon=True)
            for part in (self._take_orders, self._do_the_rest)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End early; what was accepted stays accepted."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def over(self) -> bool:
        """Whether the shop has handed over everything. Raises what ended it, if something did."""
        if self._failed:
            raise self._failed[0]
        return not any(thread.is_alive() for thread in self._threads)

    def _guarded(self, part: Callable[[], None]) -> None:
        try:
            part()
        except Exception as error:  # noqa: BLE001 - handed to the main thread by `over`
            self._failed.append(error)

    def _take_orders(self) -> None:
        began = arrives = self._clock.monotonic_s()
        due: list[tuple[float, int, SaleEvent]] = []
        for number, event in enumerate(self._orders(began)):
            arrives += self._chance.expovariate(self._extent.rate / 2)
            while due and due[0][0] <= arrives:
                at, _, follow_up = heapq.heappop(due)
                self._put_at(at, follow_up)
            self._put_at(arrives, event)
            if event.follow_up_s is not None:
                later = SaleEvent(paid(event.sale), new=False)
                heapq.heappush(due, (arrives + event.follow_up_s, number, later))
        for at, _, follow_up in sorted(due):
            self._put_at(at, follow_up)

    def _orders(self, began: float) -> Iterator[SaleEvent]:
        events = self._shop.sale_events()
        if self._extent.seconds is None:
            yield from islice(events, self._extent.sales)
            return
        for event in events:
            if self._clock.monotonic_s() - began >= self._extent.seconds:
                return
            yield event

    def _put_at(self, moment: float, event: SaleEvent) -> None:
        if self._clock.wait(self._stop, moment - self._clock.monotonic_s()):
            return
        at = self._clock.wall().timestamp()
        put = self._producer.create_sale if event.new else self._producer.update_sale
        receipt = put(event.sale)
        entry = Entry(
            "sale", event.sale["externalId"], canonical_digest(event.sale), receipt.lane, at
        )
        self.diary.note([entry], folded=receipt.state == State.FOLDED)

    def _do_the_rest(self) -> None:
        products, links = self._shop.products(), acknowledgements("demo")
        self._import(islice(products, self._extent.products))
        began = self._clock.monotonic_s()
        for _ in range(ACKNOWLEDGE_STEPS):
            self._acknowledge(islice(links, self._extent.acks // ACKNOWLEDGE_STEPS))
            if self._clock.wait(self._stop, 0.2):
                return
        if self._extent.seconds is None:
            return
        while self._clock.monotonic_s() - began < self._extent.seconds and not self._stop.is_set():
            if self._queue.stats().pending_in(Lane.LOW) < KEPT_PENDING:
                self._import(islice(products, REFILL_STEP))
            else:
                self._clock.wait(self._stop, 0.05)

    def _import(self, products: Iterator[Json]) -> None:
        while batch := list(islice(products, IMPORT_STEP)):
            at = self._clock.wall().timestamp()
            summary = self._producer.import_products(batch)
            self.diary.note(
                [
                    Entry("product", item["sku"], canonical_digest(item), Lane.LOW, at)
                    for item in batch
                ],
                folded=summary.folded,
            )

    def _acknowledge(self, items: Iterator[Json]) -> None:
        batch, at = list(items), self._clock.wall().timestamp()
        if batch:
            summary = self._producer.acknowledge_variants(batch)
            self.diary.note(
                [
                    Entry("variant", item["sku"], canonical_digest(item), Lane.LOW, at)
                    for item in batch
                ],
                folded=summary.folded,
            )
