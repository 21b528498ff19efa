"""What every contender carries: sales and products of a shop, the same for the same seed.

Standard library only: the peers' publishers import this in environments of their own. The text is
made of words drawn by chance, since a run of one letter would flatter whoever compresses.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

Lane = Literal["high", "low"]
Payload = Any
"""A JSON object, or an array of them."""

SALE_PATH, PRODUCTS_PATH = "manual-sale.json", "products.json"
BYTES = 1024
"""Of a sale, and of a product, as JSON."""
_STATUSES = ("open", "paid", "fulfilled")
_TEXTS = 997
_SYLLABLES = (
    *("ba", "co", "di", "fu", "ge", "ho", "ka", "li", "mo", "nu"),
    *("pa", "qui", "ro", "sa", "te", "un", "vi", "wo", "xe", "ya"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Jobs to publish, numbered from `first` on; each carries one sale, or `items` products.

    `stage` counts the states of the same sale or product, from its first one on.
    """

    what: Literal["sale", "product"]
    jobs: int
    items: int = 1
    first: int = 0
    stage: int = 0
    lane: Lane = "low"
    seed: int = 0

    def __iter__(self) -> Iterator[tuple[str, Payload]]:
        """Yield where each job is to be sent, and its payload."""
        for number in range(self.first, self.first + self.jobs):
            if self.what == "sale":
                yield SALE_PATH, sale(number, self.seed, stage=self.stage)
            else:
                numbers = range(number * self.items, (number + 1) * self.items)
                yield PRODUCTS_PATH, [product(one, self.seed, stage=self.stage) for one in numbers]


def sale(number: int, seed: int = 0, *, stage: int = 0) -> dict[str, Any]:
    """Return a sale of 1 KB."""
    cents = 500 + number * 7 % 20_000
    document: dict[str, Any] = {
        "externalId": f"S-{number:08d}",
        "saleDefaults": {"reference": f"#{number}", "status": _STATUSES[stage], "currency": "EUR"},
        "lineItems": [
            {
                "externalId": f"{number}-{line}",
                "quantity": 1 + (number + line) % 3,
                "price": (cents + line) / 100,
                "variant": {"sku": f"SKU-{(number * 13 + line) % 50_000:06d}"},
            }
            for line in range(2)
        ],
    }
    return _padded(document, BYTES, number, seed)


def product(number: int, seed: int = 0, *, stage: int = 0) -> dict[str, Any]:
    """Return a product of 1 KB."""
    document: dict[str, Any] = {
        "externalId": f"P-{number:08d}",
        "sku": f"SKU-{number:08d}",
        "inventoryQuantity": number % 100,
        "price": (500 + number * 11 % 90_000 + stage) / 100,
    }
    return _padded(document, BYTES, number, seed)


def _padded(document: Mapping[str, Any], size: int, number: int, seed: int) -> dict[str, Any]:
    missing = size - len(json.dumps(document)) - len(', "note": ""')
    text = _texts(seed)[number % _TEXTS]
    return {**document, "note": text[: max(0, missing)]}


@cache
def _texts(seed: int) -> tuple[str, ...]:
    chance = random.Random(seed)
    return tuple(_text(chance) for _ in range(_TEXTS))


def _text(chance: random.Random) -> str:
    words = ("".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(250))
    return " ".join(words)
