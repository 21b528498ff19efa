"""The demonstration's shop: what it sells, and the orders that come in. All by one seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SaleEvent:
    """Something that happens to an order: a new one, or a newer whole state of one.

    `follow_up_s` is how much later the same order will be paid, None if it is not in this story.
    """

    sale: Json
    new: bool
    follow_up_s: float | None = None


class Shop(Protocol):
    """Where the demonstration's orders and products come from; both without end."""

    def sale_events(self) -> Iterator[SaleEvent]:
        """Yield order events in the order in which they happen."""

    def products(self) -> Iterator[Json]:
        """Yield products, never the same key twice."""


def paid(sale: Json) -> Json:
    """Return the whole state of the order once it is paid."""
    return {**sale, "saleDefaults": {**sale["saleDefaults"], "paymentStatus": "paid"}}


def acknowledgements(prefix: str) -> Iterator[Json]:
    """Yield variants to be linked with a vendor's, never the same twice."""
    for number in count(1):
        link = {"vendorSku": f"V-{number}", "dropshipProviderExternalId": "vendor-1"}
        yield {"sku": f"{prefix}-A{number}", "vendorSkus": [link]}


@dataclass(frozen=True, slots=True)
class InventedShop:
    """A shop that sells what its seed says; every tenth order is paid up to two seconds later."""

    prefix: str
    seed: int

    def sale_events(self) -> Iterator[SaleEvent]:
        """Yield new orders without end."""
        chance = random.Random(self.seed)  # noqa: S311 - a story, not a secret
        for number in count(1):
            sale = self._sale(number, chance)
            event = SaleEvent(sale, new=True)
            yield replace(event, follow_up_s=chance.uniform(0, 2)) if number % 10 == 0 else event

    def products(self) -> Iterator[Json]:
        """Yield products without end."""
        for number in count(1):
            yield {
                "sku": f"{self.prefix}-P{number}",
                "name": f"Product {number}",
                "inventoryQuantity": number % 97,
                "costPrice": number % 400 / 4,
                "description": "A thing that somebody may want to buy. " * 8,
            }

    def _sale(self, number: int, chance: random.Random) -> Json:
        lines = [
            {
                "externalId": f"{self.prefix}-{number}-{line}",
                "name": f"Product {line}",
                "quantity": chance.randint(1, 5),
                "price": chance.randint(100, 9900) / 100,
                "taxable": True,
                "variant": {"externalId": f"{self.prefix}-P{chance.randint(1, 500)}"},
            }
            for line in range(1, chance.randint(2, 6))
        ]
        return {
            "externalId": f"{self.prefix}-{number}",
            "saleDefaults": {"reference": f"#{number}"},
            "customer": {"firstName": "Test", "lastName": "User", "email": "test@example.com"},
            "lineItems": lines,
            "shipping": [{"code": "std", "name": "Standard", "price": 4.5}],
            "options": {},
        }
