import json
import multiprocessing
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from time import monotonic

import pytest
import redis
from tests.producers.conftest import CountingWaker

from onport_producers import (
    BrokerUnavailableError,
    InvalidJobError,
    Producer,
    SettingsError,
    State,
    Summary,
)
from onport_queue.flight import Delivered, Gate, Granted, Settled, Settlement
from onport_queue.names import Kind, Lane
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue

FAST = Gate(rate=1e6)


def sale(key: str = "1001", **fields: object) -> dict[str, object]:
    line = {"externalId": "l1", "variant": {"sku": "s"}, "quantity": 1}
    return {
        "externalId": key,
        "saleDefaults": {"reference": f"#{key}"},
        "lineItems": [line],
        **fields,
    }


def links(sku: str, *vendor_skus: str) -> dict[str, object]:
    return {
        "sku": sku,
        "vendorSkus": [{"vendorSku": each, "dropshipProviderId": 7} for each in vendor_skus],
    }


def claimed(queue: Queue, lane: Lane) -> Granted:
    granted = queue.claim(lane, FAST, "lease")
    assert isinstance(granted, Granted)
    return granted


def delivered(queue: Queue, lane: Lane) -> None:
    granted = claimed(queue, lane)
    settled = queue.settle("lease", Settlement([Delivered() for _ in granted.items], status="200"))
    assert isinstance(settled, Settled)


def test_a_new_sale_is_pending_on_the_high_lane(producer: Producer, queue: Queue) -> None:
    receipt = producer.create_sale(sale())

    assert (receipt.id, receipt.lane, receipt.state) == (
        "sale:default:1001",
        Lane.HIGH,
        State.PENDING,
    )
    assert receipt.warnings == ()
    assert queue.stats().pending_in(Lane.HIGH) == 1


def test_a_sale_is_handed_on_byte_for_byte(producer: Producer, queue: Queue) -> None:
    text = '{ "externalId":"1001",  "saleDefaults":{"x":1.50},"ö":"\\u00f6" }'

    producer.create_sale(text)

    assert claimed(queue, Lane.HIGH).items[0].fragments[0].body == text.encode()


def test_an_update_of_an_unsent_sale_folds_and_keeps_its_lane(
    producer: Producer, queue: Queue
) -> None:
    producer.create_sale(sale(), version=1)

    receipt = producer.update_sale(sale(paid=True), version=2)

    assert receipt.state is State.FOLDED
    assert queue.stats().pending_in(Lane.HIGH) == 1
    view = queue.show(Kind.SALE, "default", "1001")
    assert view is not None
    assert json.loads(view.fragments[-1].body)["paid"] is True


def test_an_update_alone_goes_on_the_low_lane(producer: Producer, queue: Queue) -> None:
    assert producer.update_sale(sale()).lane is Lane.LOW
    assert queue.stats().pending_in(Lane.LOW) == 1


def test_an_update_of_a_sale_in_flight_waits(producer: Producer, queue: Queue) -> None:
    producer.create_sale(sale())
    claimed(queue, Lane.HIGH)

    assert producer.update_sale(sale()).state is State.WAITING


def test_an_older_version_than_the_delivered_one_is_superseded(
    producer: Producer, queue: Queue
) -> None:
    producer.create_sale(sale(), version=20)
    delivered(queue, Lane.HIGH)

    assert producer.update_sale(sale(), version=19).state is State.SUPERSEDED
    assert producer.update_sale(sale(), version=21).state is State.PENDING


def test_the_newer_version_wins_in_whatever_order_they_are_put(
    producer: Producer, queue: Queue
) -> None:
    producer.create_sale(sale(note="new"), version=2)
    producer.update_sale(sale(note="old"), version=1)

    bodies = [fragment.body for fragment in claimed(queue, Lane.HIGH).items[0].fragments]

    assert [json.loads(body)["note"] for body in bodies] == ["new"]


def test_a_partial_update_is_laid_over_what_is_there(producer: Producer, queue: Queue) -> None:
    producer.create_sale(sale(paid=False), version=1)
    producer.update_sale({"externalId": "1001", "paid": True}, version=2, partial=True)

    fragments = claimed(queue, Lane.HIGH).items[0].fragments

    assert [fragment.tag for fragment in fragments] == ["F", "P"]


@pytest.mark.parametrize("version", [-1, 2**53, True, 1.5, "7"])
def test_a_version_that_is_no_count_is_refused(producer: Producer, version: int) -> None:
    with pytest.raises(InvalidJobError, match="version: expected an integer"):
        producer.create_sale(sale(), version=version)


def test_what_is_odd_is_a_warning(producer: Producer) -> None:
    receipt = producer.create_sale({"externalId": "1", "lineItems": []})

    assert [warning.partition(":")[0] for warning in receipt.warnings] == [
        "lineItems",
        "saleDefaults.reference",
    ]


def test_what_is_odd_is_refused_when_validation_is_strict(settings: Settings) -> None:
    strict = Producer(settings.model_copy(update={"validation": "strict"}))

    with pytest.raises(InvalidJobError) as refusal:
        strict.create_sale({"externalId": "1", "lineItems": []})

    assert refusal.value.place == "lineItems"


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ({}, "externalId"),
        ({"externalId": True}, "externalId"),
        ({"externalId": " "}, "externalId"),
        (sale(lineItems={}), "lineItems"),
        (sale(lineItems=[{}, {"quantity": "two"}]), "lineItems.1.quantity"),
        (sale(saleDefaults=[]), "saleDefaults"),
        ("[1]", ""),
        ("{", ""),
        (b'{"externalId": "\xff"}', ""),
        ('{"externalId": 1, "x": NaN}', ""),
    ],
)
def test_a_sale_that_is_refused_names_the_place(
    producer: Producer, queue: Queue, payload: dict[str, object] | str | bytes, place: str
) -> None:
    with pytest.raises(InvalidJobError) as refusal:
        producer.create_sale(payload)

    assert refusal.value.place == place
    assert queue.stats().ledger.accepted == 0


def test_products_are_put_500_a_call_and_progress_is_told(producer: Producer, queue: Queue) -> None:
    told: list[int] = []
    items: Iterator[dict[str, object]] = ({"sku": str(number)} for number in range(1_201))

    summary = producer.import_products(items, progress=told.append)

    assert told == [500, 1_000, 1_201]
    assert (summary.accepted, summary.folded) == (1_201, 0)
    assert queue.stats().pending_in(Lane.LOW) == 1_201


def test_an_import_of_nothing_accepts_nothing(producer: Producer) -> None:
    assert producer.import_products([]) == Summary()


def test_a_product_that_comes_again_folds(producer: Producer, queue: Queue) -> None:
    items = [{"sku": "1", "name": "a"}, {"sku": "1", "name": "b"}, {"sku": "2"}]

    summary = producer.import_products(items)

    assert (summary.accepted, summary.folded) == (3, 1)
    assert queue.stats().pending == 2


def test_a_product_without_a_key_is_a_warning(producer: Producer) -> None:
    assert producer.import_products([{"name": "x"}, {"sku": "1"}]).warnings == 1


def test_the_first_warning_names_the_job_and_the_field(producer: Producer) -> None:
    items = [{"sku": "1", "vendorSkus": [{"vendorSku": "v", "dropshipProviderId": 1}]}]
    items += [{"sku": "2", "vendorSkus": []}, {"sku": "3", "vendorSkus": []}]
    assert producer.acknowledge_variants(items).first_warning == (
        "variant:default:2: vendorSkus: empty; the item links nothing"
    )


def test_an_invalid_product_is_named_by_its_place_and_earlier_calls_are_accepted(
    producer: Producer, queue: Queue
) -> None:
    told: list[int] = []
    items = [{"sku": str(number)} for number in range(700)] + [{"sku": "x", "grams": "heavy"}]

    with pytest.raises(InvalidJobError) as refusal:
        producer.import_products(items, progress=told.append)

    assert refusal.value.place == "item 701: grams"
    assert "heavy" not in str(refusal.value)
    assert told == [500]
    assert queue.stats().ledger.accepted == 500


@pytest.mark.parametrize("name", ["import_products", "acknowledge_variants", "disconnect_variants"])
def test_whoever_is_told_of_refused_items_gets_the_others_put(
    producer: Producer, queue: Queue, name: str
) -> None:
    refused: list[tuple[int, str]] = []
    taken: list[dict[str, object]] = []

    def items() -> Iterator[dict[str, object]]:
        for number in range(1_201):
            taken.append({"sku": [] if number % 100 == 7 else str(number)})
            yield taken[-1]

    summary = getattr(producer, name)(
        items(), rejected=lambda error: refused.append((len(taken), error.place))
    )

    assert summary.accepted == queue.stats().pending == 1_189
    assert refused == [(number + 8, "sku") for number in range(0, 1_200, 100)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("acknowledge_variants", Kind.ACKNOWLEDGE), ("disconnect_variants", Kind.DISCONNECT)],
)
def test_variant_links_go_on_the_low_lane(
    producer: Producer, queue: Queue, name: str, kind: Kind
) -> None:
    put: Callable[..., Summary] = getattr(producer, name)

    summary = put([links("s1", "v1", "v2"), links("s2", "v3")])

    (stream,) = queue.stats().streams
    assert summary.accepted == 2
    assert (stream.lane, stream.kind, stream.pending) == (Lane.LOW, kind, 2)


def test_the_last_wish_about_a_link_wins(producer: Producer, queue: Queue) -> None:
    producer.acknowledge_variants([links("s1", "v1", "v2")])
    summary = producer.disconnect_variants([links("s1", "v1")])

    view = queue.show(Kind.ACKNOWLEDGE, "default", "s1")
    assert view is not None
    wishes = {json.loads(each.body)["vendorSku"]: each.tag for each in view.fragments}
    assert summary.folded == 1
    assert wishes == {"v1": "D", "v2": "A"}


def test_an_invalid_link_is_named_by_its_place(producer: Producer) -> None:
    with pytest.raises(InvalidJobError) as refusal:
        producer.acknowledge_variants([links("s1", "v1"), {"sku": "s2", "vendorSkus": [{}]}])

    assert refusal.value.place == "item 2: vendorSkus.0.vendorSku"


def test_channels_are_apart(producer: Producer, queue: Queue) -> None:
    producer.create_sale(sale(), channel="uk")

    assert queue.show(Kind.SALE, "uk", "1001") is not None
    assert queue.show(Kind.SALE, "default", "1001") is None


def test_delivery_is_expected_later_the_more_is_pending(producer: Producer) -> None:
    receipts = [producer.create_sale(sale(str(number))) for number in range(50)]

    times = [receipt.expected_at for receipt in receipts if receipt.expected_at is not None]
    gaps = [after - before for before, after in pairwise(times)]
    assert all(gap.total_seconds() > 0.05 for gap in gaps[1:])


def test_the_first_job_of_an_idle_lane_wakes_it(producer: Producer, waker: CountingWaker) -> None:
    producer.create_sale(sale())

    assert waker.woken == [Lane.HIGH]


def test_without_a_broker_in_the_settings_there_is_no_producer() -> None:
    with pytest.raises(SettingsError, match="redis_url: missing"):
        Producer(load_settings().model_copy(update={"redis_url": None}))


# The bound is a quarter of a second, and one put must end within 400 ms whatever happens.
NO_WAIT_S = 0.4


def seconds_of_a_refusal(producer: Producer) -> float:
    """The median of three: one stall of the machine is not the producer's."""
    took = []
    for _ in range(3):
        began = monotonic()
        with pytest.raises(BrokerUnavailableError):
            producer.create_sale(sale())
        took.append(monotonic() - began)
    return sorted(took)[1]


def _refusing_url() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return f"redis://:secret@127.0.0.1:{port}/0"


def test_a_broker_that_refuses_is_an_error_within_400_ms() -> None:
    producer = Producer(load_settings(redis_url=_refusing_url(), spool_mb=0))

    with pytest.raises(BrokerUnavailableError, match=r"broker 127\.0\.0\.1:") as away:
        producer.create_sale(sale())

    assert seconds_of_a_refusal(producer) < NO_WAIT_S
    assert "secret" not in str(away.value)


def test_a_broker_that_hangs_is_an_error_within_400_ms() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        url = f"redis://127.0.0.1:{hung.getsockname()[1]}/0"
        producer = Producer(load_settings(redis_url=url, spool_mb=0))

        with pytest.raises(BrokerUnavailableError):
            producer.create_sale(sale())

        assert seconds_of_a_refusal(producer) < NO_WAIT_S


def test_threads_may_share_a_producer(
    producer: Producer, queue: Queue, wait_until: Callable[..., None]
) -> None:
    def put(first: int) -> None:
        for number in range(50):
            producer.create_sale(sale(f"{first}-{number}"))

    threads = [threading.Thread(target=put, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wait_until(lambda: queue.stats().pending == 400)  # a busy machine may spool some
    assert queue.stats().imbalance == 0


SHOP = """
import sys
from celery import Celery, current_app

def shop(name):
    return Celery(name, broker="memory://")

if sys.argv[1] == "before":
    app = shop("shop")
import onport_producers
import onport_producers.imports
from onport_producers import Producer
from onport_queue.settings import load_settings
if sys.argv[1] == "after":
    app = shop("shop")
producer = Producer(load_settings(redis_url=sys.argv[2], spool_mb=0))
producer.create_sale({"externalId": "1"})
producer.import_products([{"sku": "1"}])
assert current_app._get_current_object() is app, current_app
assert current_app.main == "shop"
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_shops_own_celery_app_stays_the_current_one(
    when: str, broker_url: str, redis_client: redis.Redis
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SHOP, when, broker_url], capture_output=True, text=True, check=False
    )

    assert ran.stderr == ""
    assert ran.returncode == 0
    assert redis_client.keys("onport-relay:celery:*")  # the wake-ups are in the broker


LIMITS = """
import sys
from celery import Celery
from kombu import pools
from onport_producers.wakeup import CeleryWaker
from onport_queue.names import Lane
shop = Celery("shop", broker="memory://")
shop.conf.broker_pool_limit = 7
with shop.pool.acquire():
    CeleryWaker(sys.argv[1]).wake("default", Lane.HIGH)
    assert (pools.get_limit(), shop.pool.limit, shop.producer_pool.limit) == (7, 7, 7)
assert len(pools.connections) == 1, pools.connections
"""


def test_a_shops_own_celery_app_keeps_its_limit_of_connections(
    broker_url: str, redis_client: redis.Redis
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LIMITS, broker_url], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert redis_client.keys("onport-relay:celery:*")  # the wake-up is in the broker


FORKS = """
import os, sys
from onport_producers import Producer
from onport_queue.settings import load_settings
producer = Producer(load_settings(redis_url=sys.argv[1], spool_mb=0))
producer.create_sale({"externalId": "parent-before"})
children = []
for child in range(4):
    pid = os.fork()
    if pid == 0:
        for number in range(50):
            producer.create_sale({"externalId": f"{child}-{number}"})
        os._exit(0)
    children.append(pid)
for number in range(50):
    producer.create_sale({"externalId": f"parent-{number}"})
assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 4
"""


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork"
)
def test_a_producer_that_was_used_may_be_forked(broker_url: str, queue: Queue) -> None:
    ran = subprocess.run(
        # From Python 3.12 on a fork is warned of when there are threads, whatever they wait for.
        [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", FORKS, broker_url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert queue.stats().ledger.accepted == 251
    assert queue.stats().imbalance == 0
