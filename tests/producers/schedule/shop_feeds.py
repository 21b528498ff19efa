"""What a shop might give as a schedule's source."""

from collections.abc import Iterator
from typing import Any

NO_FUNCTION = 7


def links() -> Iterator[dict[str, Any]]:
    for number in range(3):
        yield link(f"S{number}")


def with_a_faulty_one() -> Iterator[dict[str, Any]]:
    yield link("S0")
    yield {"sku": ["secret"]}
    yield link("S1")


def that_breaks() -> Iterator[dict[str, Any]]:
    yield link("S0")
    raise RuntimeError("about Jane Doe")


def of_a_list() -> list[dict[str, Any]]:
    return [link("S0")]


def link(sku: str) -> dict[str, Any]:
    return {"sku": sku, "vendorSkus": [{"vendorSku": "V", "dropshipProviderExternalId": "p"}]}
