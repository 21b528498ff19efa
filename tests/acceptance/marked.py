"""Personal data and secrets that are known again wherever they are, however they are written."""

from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

PERSONAL = "AdaLovelaceOfMarkedStreet"
"""Begins every text that a shop would not like to see elsewhere."""

SECRET = "TheMarkedSecret/+of"
"""Begins every secret; what a URL or base64 makes of it differs from it."""


def customer() -> dict[str, object]:
    """Return who bought."""
    return {
        "firstName": f"{PERSONAL}-first-name",
        "lastName": f"{PERSONAL}-last-name",
        "email": f"{PERSONAL}@example.org",
        "phone": f"{PERSONAL}-phone",
    }


def sale(key: str, **fields: object) -> dict[str, object]:
    """Return a sale of which only the key may be told."""
    boring: dict[str, object] = {
        "externalId": key,
        "saleDefaults": {"reference": f"{PERSONAL}-reference", "note": f"{PERSONAL}-note"},
        "customer": customer(),
        "shippingAddress": {"address1": f"{PERSONAL}-street 1", "city": f"{PERSONAL}-city"},
        "lineItems": [{"externalId": "1", "title": f"{PERSONAL}-title", "quantity": 1}],
    }
    return boring | fields


def product(sku: str, **fields: object) -> dict[str, object]:
    """Return a product of which only the sku may be told."""
    return {"sku": sku, "title": f"{PERSONAL}-title", "description": f"{PERSONAL}-text"} | fields


def link(sku: str) -> dict[str, object]:
    """Return an item of a links batch of which only the sku may be told."""
    wish = {"vendorSku": f"{PERSONAL}-vendor", "dropshipProviderExternalId": f"{PERSONAL}-provider"}
    return {"sku": sku, "note": f"{PERSONAL}-note", "vendorSkus": [wish]}


def found(text: str | bytes, *, marks: tuple[str, ...]) -> list[str]:
    """Return what surrounds each mark in a text, whatever disguise it wears; nothing is good."""
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return [
        said[max(0, place - 120) : place + 80]
        for mark in marks
        for disguise in {*_disguises(mark)}
        if (place := said.find(disguise)) >= 0
    ]


def _disguises(mark: str) -> Iterator[str]:
    yield from (mark, quote(mark), quote(mark, safe=""), quote_plus(mark))
    yield mark.replace("/", "\\/")
    yield mark.encode().hex()
    # In the midst of other text base64 has one of three forms, whose ends depend on that text.
    for before in range(3):
        encoded = b64encode(b"?" * before + mark.encode()).decode().rstrip("=")
        yield encoded[-(-before * 4 // 3) : len(encoded) - 1]
