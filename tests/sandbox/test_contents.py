import json

import pytest

from onport_sandbox import ENDPOINTS, Endpoint, Item, Kind, canonical_digest
from onport_sandbox.contents import Contents, Shape, item_key, read_contents
from onport_sandbox.documents import Json

ENDPOINT = {endpoint.kind: endpoint for endpoint in ENDPOINTS}


@pytest.mark.parametrize(
    ("kind", "element", "key"),
    [
        (Kind.SALE, {"externalId": "1001", "sku": "a"}, "1001"),
        (Kind.SALE, {"externalId": 1001}, "1001"),
        (Kind.SALE, {"externalId": 1.5}, "1.5"),
        (Kind.SALE, {"sku": "a"}, None),
        (Kind.PRODUCT, {"externalId": "p", "sku": "a"}, "p"),
        (Kind.PRODUCT, {"externalId": None, "sku": "a"}, "a"),
        (Kind.PRODUCT, {"sku": "a"}, "a"),
        (Kind.PRODUCT, {"name": "a"}, None),
        (Kind.ACKNOWLEDGE, {"externalId": "p", "sku": "a"}, "a"),
        (Kind.DISCONNECT, {"sku": 7}, "7"),
        (Kind.DISCONNECT, {"sku": True}, None),
        (Kind.DISCONNECT, "sku", None),
    ],
)
def test_an_item_is_keyed_by_the_first_key_field_present(
    kind: Kind, element: Json, key: str | None
) -> None:
    assert item_key(ENDPOINT[kind], element) == key


def test_a_sale_is_one_item() -> None:
    sale = {"externalId": "1001"}
    contents = read_contents(ENDPOINT[Kind.SALE], json.dumps(sale).encode())
    assert contents == Contents(Shape.FITS, (Item("1001", canonical_digest(sale)),))


def test_a_batch_keeps_the_order_of_its_items() -> None:
    contents = read_contents(ENDPOINT[Kind.PRODUCT], b'[{"sku":"b"},{"sku":"a"},{"sku":"b"}]')
    assert [item.key for item in contents.items] == ["b", "a", "b"]


@pytest.mark.parametrize(
    ("endpoint", "body", "shape"),
    [
        (ENDPOINT[Kind.SALE], None, Shape.TOO_LARGE),
        (ENDPOINT[Kind.SALE], b"{", Shape.NO_JSON),
        (ENDPOINT[Kind.SALE], b"[]", Shape.WRONG_TYPE),
        (ENDPOINT[Kind.SALE], b"{}", Shape.FITS),
        (ENDPOINT[Kind.PRODUCT], b"{}", Shape.WRONG_TYPE),
        (ENDPOINT[Kind.PRODUCT], b"[]", Shape.FITS),
        (ENDPOINT[Kind.ACKNOWLEDGE], b"null", Shape.WRONG_TYPE),
        (ENDPOINT[Kind.DISCONNECT], b'"a"', Shape.WRONG_TYPE),
    ],
)
def test_a_body_has_the_shape_its_endpoint_takes_or_not(
    endpoint: Endpoint, body: bytes | None, shape: Shape
) -> None:
    assert read_contents(endpoint, body).shape is shape
