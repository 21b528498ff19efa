"""The memory twin keeps the contract of the real producer."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
import redis
from tests.producers.conftest import CountingWaker

from onport_producers import InvalidJobError, Producer, State, Storefront
from onport_producers.testing import MemoryProducer
from onport_queue.clock import SystemClock
from onport_queue.flight import Delivered, Empty, Gate, Settlement, Wait
from onport_queue.flight import Granted as GrantedBatch
from onport_queue.names import Kind, Lane
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_worker.delivery.request import compose

NOW = SystemClock().wall()
NAIVE = NOW.replace(tzinfo=None)
BEFORE_TIME = datetime(1969, 1, 1, tzinfo=UTC)
PRINTS = {"default": ("",), "uk": ("",)}


class Shop(Protocol):
    """A producer, and what the endpoint gets from it."""

    @property
    def producer(self) -> Storefront:
        """The one that is used."""

    def deliver(self) -> list[tuple[Kind, Lane, Any]]:
        """Deliver everything, and return it item by item."""


@dataclass
class MemoryShop:
    producer: MemoryProducer

    def deliver(self) -> list[tuple[Kind, Lane, Any]]:
        return [(item.kind, item.lane, item.payload) for item in self.producer.deliver()]


@dataclass
class RealShop:
    producer: Producer
    queue: Queue

    def deliver(self) -> list[tuple[Kind, Lane, Any]]:
        sent: list[tuple[Kind, Lane, Any]] = []
        self.queue.look(list(Lane), 0, prints=PRINTS)
        gate = Gate(rate=1e6, prints=PRINTS)
        while not isinstance(
            claim := self.queue.claim(Lane.LOW, gate, secrets.token_hex(8)), Empty
        ):
            if isinstance(claim, Wait):
                continue
            assert isinstance(claim, GrantedBatch)
            body = json.loads(compose(claim).body)
            items = body if isinstance(body, list) else [body]
            sent += [(claim.kind, claim.lane, item) for item in items]
            self.queue.settle(claim.lease, Settlement([Delivered()] * len(claim.items)))
        return sent


@pytest.fixture(params=["memory", "real"])
def shop(request: pytest.FixtureRequest, settings: Settings, redis_client: redis.Redis) -> Shop:
    if request.param == "memory":
        return MemoryShop(MemoryProducer(settings))
    return RealShop(Producer(settings, waker=CountingWaker()), Queue(redis_client))


def sale(key: str = "1", **fields: object) -> dict[str, object]:
    return {"externalId": key, "lineItems": [], "saleDefaults": {"reference": key}, **fields}


def variant(sku: str, *vendor_skus: str, **fields: object) -> dict[str, object]:
    links = [{"vendorSku": each, "dropshipProviderId": 7} for each in vendor_skus]
    return {"sku": sku, **fields, "vendorSkus": links}


def test_a_new_sale_is_pending_and_goes_first(shop: Shop) -> None:
    shop.producer.import_products([{"sku": "p"}])
    receipt = shop.producer.create_sale(sale(n=1))
    assert (receipt.id, receipt.state, receipt.lane) == (
        "sale:default:1",
        State.PENDING,
        Lane.HIGH,
    )
    assert shop.deliver() == [
        (Kind.SALE, Lane.HIGH, sale(n=1)),
        (Kind.PRODUCT, Lane.LOW, {"sku": "p"}),
    ]


def test_an_update_of_an_unsent_sale_travels_with_it(shop: Shop) -> None:
    shop.producer.create_sale(sale(n=1))
    receipt = shop.producer.update_sale({"externalId": "1", "paid": True}, partial=True)
    assert receipt.state is State.FOLDED
    assert shop.deliver() == [(Kind.SALE, Lane.HIGH, sale(n=1, paid=True))]


def test_a_create_raises_its_key_to_the_high_lane(shop: Shop) -> None:
    shop.producer.update_sale(sale(n=1))
    shop.producer.create_sale(sale(n=2))
    assert shop.deliver() == [(Kind.SALE, Lane.HIGH, sale(n=2))]


@pytest.mark.parametrize("late", [1, 2])
def test_the_newer_version_wins_in_whatever_order_they_are_put(shop: Shop, late: int) -> None:
    early = 3 - late
    shop.producer.update_sale(sale(n=early), version=early)
    shop.producer.update_sale(sale(n=late), version=late)
    assert shop.deliver() == [(Kind.SALE, Lane.LOW, sale(n=2))]


def test_partial_updates_are_laid_over_in_version_order(shop: Shop) -> None:
    shop.producer.update_sale(sale(), version=1)
    for version in (4, 3):
        change = {"externalId": "1", "n": version, f"v{version}": True}
        shop.producer.update_sale(change, version=version, partial=True)
    assert shop.deliver() == [(Kind.SALE, Lane.LOW, sale(n=4, v3=True, v4=True))]


def test_an_older_state_than_the_delivered_one_is_superseded(shop: Shop) -> None:
    shop.producer.create_sale(sale(), version=20)
    shop.deliver()
    assert shop.producer.update_sale(sale(), version=19).state is State.SUPERSEDED
    assert shop.producer.update_sale(sale(n=1), version=21).state is State.PENDING
    assert shop.deliver() == [(Kind.SALE, Lane.LOW, sale(n=1))]


def test_products_are_counted_and_folded(shop: Shop) -> None:
    items = [{"sku": str(number % 3), "n": number} for number in range(5)]
    summary = shop.producer.import_products(items)
    assert (summary.accepted, summary.folded) == (5, 2)
    assert [item["n"] for _, _, item in shop.deliver()] == [3, 4, 2]


def test_of_a_link_the_newest_wish_counts(shop: Shop) -> None:
    shop.producer.acknowledge_variants([variant("s", "a", "b", note="x")])
    shop.producer.disconnect_variants([variant("s", "a")])
    assert shop.deliver() == [
        (Kind.ACKNOWLEDGE, Lane.LOW, variant("s", "b", note="x")),
        (Kind.DISCONNECT, Lane.LOW, variant("s", "a")),
    ]


def test_the_other_fields_of_an_item_go_with_its_last_link(shop: Shop) -> None:
    shop.producer.acknowledge_variants([variant("s", "a", note="x")])
    shop.producer.disconnect_variants([variant("s", "a")])
    assert shop.deliver() == [(Kind.DISCONNECT, Lane.LOW, variant("s", "a"))]


def test_what_was_delivered_last_is_not_put_again_but_by_force(shop: Shop) -> None:
    items = [{"sku": "1", "price": 1}, {"sku": "2", "price": 2}]
    assert shop.producer.import_products(items).unchanged == 0
    assert len(shop.deliver()) == 2
    changed = [{"sku": "1", "price": 1}, {"sku": "2", "price": 3}]
    summary = shop.producer.import_products(changed)
    assert (summary.accepted, summary.unchanged) == (2, 1)
    assert shop.deliver() == [(Kind.PRODUCT, Lane.LOW, {"sku": "2", "price": 3})]
    assert shop.producer.import_products(changed, force=True).unchanged == 0
    assert len(shop.deliver()) == 2


def test_what_is_put_ahead_of_its_time_is_delivered_when_it_is_due(
    shop: Shop, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    due = SystemClock().wall() + timedelta(seconds=0.3)
    receipt = shop.producer.create_sale(sale(n=1), not_before=due)
    assert (receipt.state, receipt.expected_at) == (State.DELAYED, due)
    shop.producer.update_sale(sale(n=2))
    assert [item["n"] for _, _, item in shop.deliver()] == [2]
    late: list[tuple[Kind, Lane, Any]] = []

    def has_come() -> bool:
        late.extend(shop.deliver())
        return bool(late)

    wait_until(has_come)
    assert late == [(Kind.SALE, Lane.HIGH, sale(n=1))]


def test_a_put_that_was_due_before_what_was_delivered_is_superseded(shop: Shop) -> None:
    shop.producer.create_sale(sale(n=1))
    shop.deliver()
    past = SystemClock().wall() - timedelta(hours=1)
    assert shop.producer.update_sale(sale(n=0), not_before=past).state is State.SUPERSEDED


@pytest.mark.parametrize("kind", ["products", "acknowledge", "disconnect"])
def test_bulk_puts_can_wait_too(shop: Shop, kind: str) -> None:
    due = SystemClock().wall() + timedelta(days=1)
    put = {
        "products": shop.producer.import_products,
        "acknowledge": shop.producer.acknowledge_variants,
        "disconnect": shop.producer.disconnect_variants,
    }[kind]
    summary = put([variant("s", "a"), variant("t", "a")], not_before=due)
    assert (summary.accepted, summary.delayed, summary.expected_at) == (2, 2, due)
    assert shop.deliver() == []


def test_channels_are_apart(shop: Shop) -> None:
    shop.producer.create_sale(sale(n=1), channel="uk")
    shop.producer.create_sale(sale(n=2))
    assert sorted(item["n"] for _, _, item in shop.deliver()) == [1, 2]


@pytest.mark.parametrize(
    ("put", "place"),
    [
        (lambda producer: producer.create_sale({}), "externalId"),
        (lambda producer: producer.create_sale(sale(lineItems=1)), "lineItems"),
        (lambda producer: producer.import_products([{"sku": "1"}, []]), "item 2"),
        (lambda producer: producer.create_sale(sale(), channel="a:b"), "channel"),
        (lambda producer: producer.create_sale(sale(), not_before=NAIVE), "not_before"),
        (lambda producer: producer.import_products([], not_before=BEFORE_TIME), "not_before"),
        (lambda producer: producer.update_sale(sale(), version=1, not_before=NOW), "version"),
    ],
)
def test_what_can_not_be_taken_is_refused_with_its_place(
    shop: Shop, put: Callable[[Storefront], object], place: str
) -> None:
    with pytest.raises(InvalidJobError) as refused:
        put(shop.producer)
    assert refused.value.place == place
    assert [key for key in shop.deliver() if key[0] is Kind.SALE] == []
