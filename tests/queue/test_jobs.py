import json
from typing import Any

import pytest

from onport_queue.errors import InvalidJobError
from onport_queue.fold import Fragment
from onport_queue.jobs import (
    MAX_KEY_BYTES,
    MAX_VERSION,
    Payload,
    link_item,
    link_job,
    product_job,
    product_keys,
    sale_job,
)
from onport_queue.names import Kind


def sale(**fields: Any) -> dict[str, Any]:
    line = {"externalId": "L1", "variant": {"sku": "S1"}, "quantity": 1}
    return {
        "externalId": "1001",
        "saleDefaults": {"reference": "#1001"},
        "lineItems": [line],
        **fields,
    }


def test_a_sale_is_keyed_by_its_external_id() -> None:
    job = sale_job(sale())
    assert (job.key, job.version, job.warnings) == ("1001", None, ())
    assert json.loads(job.body) == sale()


@pytest.mark.parametrize("text", [b'{ "externalId":\t1.0e0 }', '{ "externalId": "x", "n":1.10 }'])
def test_json_text_is_forwarded_byte_for_byte(text: bytes | str) -> None:
    expected = text if isinstance(text, bytes) else text.encode()
    if b"1.0e0" in expected:
        with pytest.raises(InvalidJobError):
            sale_job(text)
    else:
        assert sale_job(text).body == expected


def test_a_byte_order_mark_is_not_forwarded() -> None:
    assert sale_job(b'\xef\xbb\xbf{"externalId":"1"}').body == b'{"externalId":"1"}'


def test_unknown_fields_and_nulls_pass_through() -> None:
    payload = sale(note={"deep": [1]}, customer=None, shipping=None)
    assert json.loads(sale_job(payload).body) == payload


def test_negative_quantities_are_taken() -> None:
    assert sale_job(sale(lineItems=[{"externalId": "1", "variant": {"a": 1}, "quantity": -2}]))


@pytest.mark.parametrize(
    ("payload", "place", "problem"),
    [
        (sale(externalId=None), "externalId", "expected a string or a whole number, got null"),
        (sale(externalId=True), "externalId", "expected a string or a whole number, got a boolean"),
        (sale(externalId=1.5), "externalId", "expected a string or a whole number, got a number"),
        (sale(externalId=" "), "externalId", "not blank"),
        (sale(externalId="\ud83d"), "externalId", "surrogate"),
        (sale(externalId="x" * (MAX_KEY_BYTES + 1)), "externalId", "longer than 512 bytes"),
        ({"lineItems": []}, "externalId", "missing"),
        (sale(lineItems={}), "lineItems", "expected an array, got an object"),
        (sale(lineItems=["x"]), "lineItems.0", "expected an object, got a string"),
        (
            sale(lineItems=[{"quantity": "2"}]),
            "lineItems.0.quantity",
            "expected a number, got a string",
        ),
        (
            sale(lineItems=[{"taxable": 1}]),
            "lineItems.0.taxable",
            "expected a boolean, got a number",
        ),
        (sale(customer=[]), "customer", "expected an object, got an array"),
        (b"{", "", "not JSON"),
        (b"[]", "", "expected a JSON object, got an array"),
        (b"\xff\xfe", "", "not UTF-8"),
        ('{"externalId":"1"}'.encode("utf-16"), "", "not UTF-8"),
        ('{"externalId":"\ud83d"}', "", "not UTF-8"),
        (b'{"externalId":"1","a":NaN}', "", "NaN is no JSON number"),
        (b'{"externalId":"1","a":1e999}', "", "beyond the range"),
        (b'{"externalId":"1","a":%s}' % (b"1" * 5000), "", "thousands of digits"),
        (b'{"a":' + b"[" * 100_000, "", "nested too deeply"),
        (["1"], "", "expected a mapping or JSON text, got list"),
        (sale(note=float("nan")), "", "can't be written as JSON"),
        (sale(note=object()), "", "can't be written as JSON"),
    ],
)
def test_what_cannot_be_keyed_or_is_of_another_type_is_refused(
    payload: Payload, place: str, problem: str
) -> None:
    with pytest.raises(InvalidJobError) as caught:
        sale_job(payload)
    assert caught.value.place == place
    assert problem in caught.value.problem


def test_a_refusal_never_shows_the_value() -> None:
    with pytest.raises(InvalidJobError) as caught:
        sale_job(sale(customer="jane@example.com"))
    assert "jane" not in str(caught.value)
    assert str(caught.value).startswith("customer: ")


@pytest.mark.parametrize(
    ("payload", "warning"),
    [
        (sale(lineItems=[]), "lineItems: empty"),
        (sale(saleDefaults=None), "saleDefaults.reference: missing"),
        (sale(lineItems=[{"variant": {"sku": 1}}]), "lineItems.0.externalId: missing"),
        (sale(lineItems=[{"externalId": 1}]), "lineItems.0.variant: missing"),
    ],
)
def test_what_is_odd_is_a_warning(payload: Payload, warning: str) -> None:
    assert [text for text in sale_job(payload).warnings if text.startswith(warning)]


@pytest.mark.parametrize("version", [-1, MAX_VERSION + 1, True, 1.0, "1"])
def test_a_version_is_a_whole_number_that_redis_can_hold(version: Any) -> None:
    with pytest.raises(InvalidJobError, match="version: expected an integer"):
        sale_job(sale(), version=version)


@pytest.mark.parametrize("version", [None, 0, MAX_VERSION])
def test_a_version_is_kept(version: int | None) -> None:
    assert sale_job(sale(), version=version).version == version


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ({"externalId": "E", "sku": "S"}, "externalId=E"),
        ({"sku": "S"}, "sku=S"),
        ({"externalId": "", "sku": 7}, "sku=7"),
        ({"externalId": None, "sku": "S"}, "sku=S"),
        ({"externalId": " ", "sku": "S"}, "sku=S"),
    ],
)
def test_a_product_is_keyed_by_its_first_key_field(payload: Payload, key: str) -> None:
    assert product_job(payload).key == key


def test_a_product_without_key_fields_is_keyed_by_its_content() -> None:
    one = product_job({"name": "x", "grams": 1})
    assert one.key.startswith("content=")
    assert "never folds" in one.warnings[0]
    assert product_job(b'{"grams": 1, "name": "x"}').key == one.key
    assert product_job({"name": "y"}).key != one.key
    assert product_job({1: 2, "name": "x"}).key  # type: ignore[dict-item]  # as a shop may


@pytest.mark.parametrize("value", [["x"], {"x": 1}, True, 1.5])
def test_a_key_field_of_the_shops_own_holds_text_or_a_whole_number(value: Any) -> None:
    with pytest.raises(InvalidJobError, match="handle: expected a string or a whole number"):
        product_job({"handle": value}, key_fields=["handle"])


@pytest.mark.parametrize("value", ["\\ud83d", "x" * (MAX_KEY_BYTES + 1)])
def test_a_key_field_of_the_shops_own_can_stand_in_a_key(value: str) -> None:
    with pytest.raises(InvalidJobError, match="handle: "):
        product_job(f'{{"handle":"{value}"}}', key_fields=["handle"])


def test_product_keys_name_where_a_product_may_be_stored() -> None:
    assert product_keys("7", ("externalId", "sku")) == ("7", "externalId=7", "sku=7", "content=7")


def test_a_variant_is_keyed_by_its_sku_and_holds_its_links() -> None:
    first = {"vendorSku": "V1", "dropshipProviderExternalId": "D1"}
    second = {"vendorSku": "V1", "dropshipProviderExternalId": "D2"}
    job = link_job(Kind.ACKNOWLEDGE, {"sku": "S", "vendorSkus": [first, second, first]}, version=3)
    assert (job.key, job.version, job.warnings) == ("S", 3, ())
    assert [json.loads(link.body) for link in job.links] == [first, second]


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"vendorSkus": []}, "sku: missing"),
        ({"sku": "S", "vendorSkus": [{}]}, "vendorSkus.0.vendorSku: missing"),
        ({"sku": "S", "vendorSkus": ["V"]}, "vendorSkus.0: expected an object"),
    ],
)
def test_a_variant_that_is_not_of_the_documented_type_is_refused(
    payload: Payload, problem: str
) -> None:
    with pytest.raises(InvalidJobError, match=problem):
        link_job(Kind.DISCONNECT, payload)


def test_a_variant_that_links_nothing_is_taken_with_a_warning() -> None:
    job = link_job(Kind.DISCONNECT, {"sku": "S"})
    assert [link.id for link in job.links] == ["*disconnect"]
    assert job.warnings == ("vendorSkus: empty; the item links nothing",)


@pytest.mark.parametrize(
    "payload",
    [
        {"sku": "S", "vendorSkus": [{"vendorSku": "V1"}, {"vendorSku": "V2", "extra": [1]}]},
        {"sku": 7, "vendorSkus": [{"vendorSku": 1, "dropshipProviderId": 2}]},
        {"sku": "S", "note": "x", "vendorSkus": [{"vendorSku": "V1"}]},
        {"sku": "S", "vendorSkus": []},
    ],
)
def test_a_batch_item_says_what_was_put(payload: dict[str, Any]) -> None:
    job = link_job(Kind.ACKNOWLEDGE, payload)
    fragments = [Fragment("A", link.id, link.body) for link in job.links]
    assert json.loads(link_item(job.key, fragments)) == payload
