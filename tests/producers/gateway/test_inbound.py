"""What the four addresses take, and what they answer."""

import asyncio
import gzip
import json
import logging
import threading
from collections.abc import AsyncIterator, Sequence

import pytest
from pydantic import SecretStr
from tests.producers.conftest import CountingWaker
from tests.producers.gateway.conftest import (
    ACKNOWLEDGE,
    DISCONNECT,
    HASH,
    PREFIX,
    PRODUCTS,
    SALE,
    Shop,
)
from tests.producers.test_producer import claimed, delivered, links, sale

from onport_producers import Producer, SettingsError
from onport_producers.gateway import Gateway
from onport_producers.gateway.body import MAX_BODY_BYTES
from onport_producers.gateway.contents import MAX_ITEMS
from onport_producers.receipt import Receipt
from onport_queue.jobs import Job, LinkJob
from onport_queue.names import Kind, Lane
from onport_queue.settings import ChannelSettings, Settings
from onport_queue.store import Queue


def test_a_sale_is_answered_with_its_receipt_once_the_relay_has_it(
    shop: Shop, queue: Queue, waker: CountingWaker
) -> None:
    answer = shop.post(SALE, sale())

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    receipt = answer.json()
    assert receipt.pop("expected_at").endswith("+00:00")
    assert receipt == {
        "id": "sale:default:1001",
        "state": "pending",
        "lane": "high",
        "warnings": [],
    }
    assert queue.stats().pending_in(Lane.HIGH) == 1
    assert waker.woken == [Lane.HIGH]


def test_a_sale_is_kept_byte_for_byte(shop: Shop, queue: Queue) -> None:
    body = b'{ "externalId":"1001",  "saleDefaults":{"x":1.50},"\\u00f6":"\xc3\xb6", "y":1E2 }\n'

    shop.post(SALE, body)

    assert claimed(queue, Lane.HIGH).items[0].fragments[0].body == body


def test_what_is_odd_is_said(shop: Shop) -> None:
    receipt = shop.post(SALE, {"externalId": 7}).json()

    assert receipt["id"] == "sale:default:7"
    assert [warning.partition(":")[0] for warning in receipt["warnings"]] == [
        "lineItems",
        "saleDefaults.reference",
    ]


def test_the_names_alone_are_served_too(shop: Shop) -> None:
    assert shop.post("/manual-sale.json", sale()).status_code == 200
    assert shop.put(ACKNOWLEDGE.removeprefix(PREFIX), [links("s", "v")]).status_code == 200


def test_a_sale_that_the_relay_holds_or_has_delivered_is_an_update(
    shop: Shop, queue: Queue
) -> None:
    assert shop.post(SALE, sale()).json()["lane"] == "high"
    second = shop.post(SALE, sale(paid=True)).json()
    assert (second["lane"], second["state"]) == ("low", "folded")

    delivered(queue, Lane.HIGH)

    third = shop.post(SALE, sale(shipped=True)).json()
    assert (third["lane"], third["state"]) == ("low", "pending")


@pytest.mark.parametrize(("said", "lane"), [("new", "high"), ("update", "low")])
def test_the_header_says_whether_a_sale_is_new(shop: Shop, said: str, lane: str) -> None:
    shop.post(SALE, sale("known"))

    assert shop.post(SALE, sale("known"), x_relay_sale=said).json()["lane"] == lane
    assert shop.post(SALE, sale("unknown"), x_relay_sale=said).json()["lane"] == lane


@pytest.mark.parametrize("said", ["maybe", "NEW", ""])
def test_a_header_that_says_something_else_is_refused(shop: Shop, queue: Queue, said: str) -> None:
    answer = shop.post(SALE, sale(), x_relay_sale=said)

    assert (answer.status_code, answer.json()["field"]) == (422, "x-relay-sale")
    assert queue.stats().ledger.accepted == 0


def test_sales_that_come_together_are_put_together(shop: Shop, queue: Queue) -> None:
    answers = shop.send_at_once("POST", SALE, [sale(str(number)) for number in range(200)])

    assert [answer.json()["id"] for answer in answers] == [
        f"sale:default:{number}" for number in range(200)
    ]
    assert queue.stats().pending_in(Lane.HIGH) == 200
    figures = shop.get("/metrics").text
    (groups,) = (line for line in figures.splitlines() if "group_sales_count" in line)
    assert float(groups.rpartition(" ")[2]) <= 10


def test_new_sales_and_updates_that_come_together_go_to_their_lanes(shop: Shop) -> None:
    known = {str(number) for number in range(0, 30, 3)}
    shop.send_at_once("POST", SALE, [sale(key) for key in sorted(known)])

    answers = shop.send_at_once("POST", SALE, [sale(str(number)) for number in range(30)])

    for number, answer in enumerate(answers):
        lane = "low" if str(number) in known else "high"
        assert answer.json()["id"] == f"sale:default:{number}"
        assert answer.json()["lane"] == lane


def test_sales_of_one_key_that_come_together_keep_their_order_and_the_higher_lane(
    shop: Shop, queue: Queue
) -> None:
    states = [sale("1", n=number) for number in range(20)]

    answers = shop.send_at_once("POST", SALE, list(states))

    assert {answer.json()["lane"] for answer in answers} == {"high"}
    fragments = claimed(queue, Lane.HIGH).items[0].fragments
    assert [json.loads(fragment.body)["n"] for fragment in fragments] == [19]


def test_a_long_sale_does_not_wait_for_catalogues(
    guarded: Settings, waker: CountingWaker, queue: Queue, runner: asyncio.Runner
) -> None:
    sale_is_put = threading.Event()
    waited: list[bool] = []

    class Loaded(Producer):
        """A producer whose products take until a sale was put."""

        def put_jobs(
            self,
            kind: Kind,
            lane: Lane | None,
            channel: str,
            jobs: Sequence[Job] | Sequence[LinkJob],
            *,
            force: bool = False,
        ) -> tuple[Receipt, ...]:
            if kind is Kind.PRODUCT:
                waited.append(sale_is_put.wait(5))
            receipts = super().put_jobs(kind, lane, channel, jobs, force=force)
            if kind is Kind.SALE:
                sale_is_put.set()
            return receipts

    shop = Shop(Gateway(guarded, Loaded(guarded, waker=waker)), runner)
    catalogues = [("POST", PRODUCTS, [{"sku": name}]) for name in ("a", "b", "c")]

    answers = shop.send_all([*catalogues, ("POST", SALE, sale(note="x" * 70_000))])

    assert [answer.status_code for answer in answers] == [200] * 4
    assert waited == [True] * 3
    assert queue.stats().pending == 4


def test_a_products_array_is_a_job_for_each_item_as_it_was_written(
    shop: Shop, queue: Queue
) -> None:
    items = b'[{"sku":"a","costPrice":10.50}, {"sku":"b", "costPrice":1e2},{"name":"c"}]'

    receipts = shop.post(PRODUCTS, items).json()

    assert [receipt["id"].split("=")[0] for receipt in receipts] == [
        "product:default:sku",
        "product:default:sku",
        "product:default:content",
    ]
    assert {receipt["lane"] for receipt in receipts} == {"low"}
    bodies = [item.fragments[0].body for item in claimed(queue, Lane.LOW).items]
    assert bodies == [
        b'{"sku":"a","costPrice":10.50}',
        b'{"sku":"b", "costPrice":1e2}',
        b'{"name":"c"}',
    ]


def test_more_items_than_one_put_takes_are_all_taken(shop: Shop, queue: Queue) -> None:
    receipts = shop.post(PRODUCTS, [{"sku": str(number)} for number in range(1_201)]).json()

    assert [receipt["id"] for receipt in receipts][1_200] == "product:default:sku=1200"
    assert queue.stats().pending_in(Lane.LOW) == 1_201


def test_a_products_body_that_is_no_array_is_one_job(shop: Shop, queue: Queue) -> None:
    body = b'{"variants":[{"sku":"a","costPrice":1.50}]}'

    receipt = shop.post(PRODUCTS, body).json()

    assert receipt["id"].startswith("product:default:content=")
    assert claimed(queue, Lane.LOW).items[0].fragments[0].body == body


def test_products_that_onport_has_already_are_sent_again_only_if_forced(
    shop: Shop, queue: Queue
) -> None:
    queue.look(list(Lane), 0)  # as a worker does
    items = [{"sku": "a", "name": "n"}, {"sku": "b", "name": "n"}]
    shop.post(PRODUCTS, items)
    delivered(queue, Lane.LOW)
    changed = [items[0], {"sku": "b", "name": "other"}]

    def states(**headers: str) -> list[str]:
        return [receipt["state"] for receipt in shop.post(PRODUCTS, changed, **headers).json()]

    assert states() == ["unchanged", "pending"]
    assert states(x_relay_force="true") == ["pending", "folded"]
    assert shop.post(PRODUCTS, changed, x_relay_force="1").status_code == 422


def test_the_hash_selects_the_channel(guarded: Settings, shop: Shop, queue: Queue) -> None:
    uk = ChannelSettings(webhook_hash=SecretStr("uk-hash"))
    shop = Shop(Gateway(guarded.model_copy(update={"channels": {"uk": uk}})), shop.runner)

    first = shop.post(SALE, sale(), jetti_webhook_hash="uk-hash").json()
    second = shop.post(SALE, sale()).json()

    assert (first["id"], first["lane"]) == ("sale:uk:1001", "high")
    assert (second["id"], second["lane"]) == ("sale:default:1001", "high")
    assert queue.states(["sale:uk:1001"]) == ("pending",)


def test_an_empty_array_is_nothing_to_do(shop: Shop, queue: Queue) -> None:
    assert shop.post(PRODUCTS, []).json() == []
    assert queue.stats().ledger.accepted == 0


@pytest.mark.parametrize(
    ("path", "kind"), [(ACKNOWLEDGE, Kind.ACKNOWLEDGE), (DISCONNECT, Kind.DISCONNECT)]
)
def test_wishes_about_links_are_jobs_of_their_variants(
    shop: Shop, queue: Queue, path: str, kind: Kind
) -> None:
    receipts = shop.put(path, [links("s", "v1", "v2"), links("t", "v3")]).json()

    assert [receipt["id"] for receipt in receipts] == ["variant:default:s", "variant:default:t"]
    assert claimed(queue, Lane.LOW).kind is kind


@pytest.mark.parametrize(
    ("path", "body", "field", "problem"),
    [
        (SALE, b"{}", "externalId", "missing"),
        (SALE, b"[]", None, "expected a JSON object, got an array"),
        (SALE, b"", None, "not JSON"),
        (SALE, b'{"externalId":"1",\n"x":}', None, "line 2 column 5"),
        (SALE, b'{"externalId":"1","x":NaN}', None, "NaN is no JSON number"),
        (SALE, b'{"externalId":"\xff"}', None, "not UTF-8"),
        (SALE, b'{"externalId":" "}', "externalId", "blank"),
        (SALE, b'{"externalId":"\\ud800"}', "externalId", "surrogate"),
        (SALE, b'{"externalId":"1","lineItems":[{"quantity":"2"}]}', "lineItems.0.quantity", ""),
        (SALE, b'{"externalId":"1","x":' + b"[" * 100_000, None, "nested too deeply"),
        (PRODUCTS, b'[{"sku":"a"},{"sku":"b","taxable":"yes"}]', "1.taxable", "a boolean"),
        (PRODUCTS, b'[{"sku":"a"},7]', "1", "expected a JSON object, got a number"),
        (PRODUCTS, b'[{"sku":"a"},\n{"sku":]', None, "line 2: not JSON"),
        (PRODUCTS, b'[{"sku":"a"}', None, "the array is not closed"),
        (PRODUCTS, b'[{"sku":"a","x":NaN}]', "0.x", "NaN is no JSON number"),
        (PRODUCTS, b'[{"x":' + b"[" * 100_000, None, "nested too deeply"),
        (PRODUCTS, b'"a"', None, "expected a JSON"),
        (PRODUCTS, b"[" + b"{}," * MAX_ITEMS + b"{}]", None, "more than 100,000 items"),
    ],
)
def test_what_can_not_be_keyed_or_is_of_another_type_is_refused_with_its_place(
    shop: Shop, queue: Queue, path: str, body: bytes, field: str | None, problem: str
) -> None:
    answer = shop.post(path, body)

    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert problem in answer.json()["error"]
    assert queue.stats().ledger.accepted == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sku": "s"}, None),
        ([{"vendorSkus": []}], "0.sku"),
        ([links("s", "v"), {"sku": "t", "vendorSkus": [{}]}], "1.vendorSkus.0.vendorSku"),
    ],
)
def test_wishes_that_can_not_be_keyed_are_refused_with_their_place(
    shop: Shop, queue: Queue, body: object, field: str | None
) -> None:
    answer = shop.put(ACKNOWLEDGE, body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert queue.stats().ledger.accepted == 0


def test_under_strict_validation_what_is_odd_is_refused(guarded: Settings, shop: Shop) -> None:
    strict = Gateway(guarded.model_copy(update={"validation": "strict"}))

    answer = Shop(strict, shop.runner).post(SALE, {"externalId": "1"})

    assert (answer.status_code, answer.json()["field"]) == (422, "lineItems")


@pytest.mark.parametrize("shown", ["", "wrong", HASH + "x", HASH[:-1], "\x00"])
def test_a_wrong_hash_is_refused_whatever_the_body_is(shop: Shop, shown: str) -> None:
    for body in (sale(), b"no JSON"):
        answer = shop.post(SALE, body, jetti_webhook_hash=shown)

        assert (answer.status_code, answer.json()["field"]) == (401, "jetti-webhook-hash")
        assert HASH not in answer.text


def test_during_a_rotation_both_hashes_are_right(guarded: Settings, shop: Shop) -> None:
    rotating = guarded.model_copy(update={"webhook_hash_next": SecretStr("the-next")})
    shop = Shop(Gateway(rotating), shop.runner)

    for shown in (HASH, "the-next"):
        assert shop.post(SALE, sale(), jetti_webhook_hash=shown).status_code == 200
    assert shop.post(SALE, sale(), jetti_webhook_hash="another").status_code == 401


def test_a_gateway_without_a_hash_does_not_start(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="ONPORT_RELAY_WEBHOOK_HASH"):
        Gateway(settings)


def test_a_body_of_more_than_ten_megabytes_is_refused(shop: Shop, queue: Queue) -> None:
    filler = b"x" * (MAX_BODY_BYTES - len(b'{"externalId":"1","x":""}'))
    largest = b'{"externalId":"1","x":"%s"}' % filler

    assert shop.post(SALE, largest).status_code == 200
    answer = shop.post(SALE, largest + b" ")

    assert (answer.status_code, queue.stats().ledger.accepted) == (413, 1)


def test_of_a_body_without_a_length_no_more_is_read_than_is_allowed(shop: Shop) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10 * MAX_BODY_BYTES:
            sent += 1_000_000
            yield b" " * 1_000_000

    answer = shop.post(SALE, endless())

    assert answer.status_code == 413


def test_a_body_without_a_length_is_taken(shop: Shop) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"externalId":'
        yield b'"1"}'

    assert shop.post(SALE, parts()).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ('Application/JSON;charset="UTF-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("application/x-www-form-urlencoded", 415),
        ("text/json", 415),
        ("", 415),
    ],
)
def test_the_body_is_json_or_not_read(shop: Shop, content_type: str, status: int) -> None:
    assert shop.post(SALE, sale(), content_type=content_type).status_code == status


def test_a_compressed_body_is_not_read(shop: Shop) -> None:
    body = gzip.compress(json.dumps(sale()).encode())

    assert shop.post(SALE, body, content_encoding="gzip").status_code == 415


@pytest.mark.parametrize(("path", "allowed"), [(SALE, "POST"), (ACKNOWLEDGE, "PUT")])
@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_another_method_is_refused_with_the_right_one(
    shop: Shop, path: str, allowed: str, method: str
) -> None:
    answer = shop.send(method, path, b"")

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_another_path_is_not_there(shop: Shop) -> None:
    answer = shop.post("/webhooks/inventory-feeds/parse-webhooks.json", [])

    assert (answer.status_code, answer.json()["field"]) == (404, None)


def test_while_redis_is_away_the_spool_takes_it(shop_without_broker: Shop) -> None:
    receipt = shop_without_broker.post(SALE, sale()).json()
    assert (receipt["state"], receipt["lane"], receipt["expected_at"]) == ("spooled", "high", None)

    items = shop_without_broker.post(PRODUCTS, [{"sku": "a"}]).json()
    assert [item["state"] for item in items] == ["spooled"]


def test_without_broker_and_spool_it_is_unavailable_for_a_moment(
    guarded: Settings, shop_without_broker: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    nowhere = guarded.model_copy(update={"redis_url": "redis://127.0.0.1:1/0", "spool_mb": 0})
    shop = Shop(Gateway(nowhere, Producer(nowhere)), shop_without_broker.runner)

    for path, body in ((SALE, sale("secret-key")), (PRODUCTS, [{"sku": "secret-key"}])):
        answer = shop.post(path, body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

    assert "put_refused" in caplog.text
    assert "secret-key" not in caplog.text
    assert HASH not in caplog.text
