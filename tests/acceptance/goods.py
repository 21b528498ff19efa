"""What a shop of the tests puts: jobs of all kinds, newer and newer states of a few keys."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.acceptance.history import History, Put, Told

from onport_producers import BrokerUnavailableError, InvalidJobError, Producer, Receipt, Summary
from onport_producers.receipt import State

_OUT_OF_ORDER = 0.1
_PARTIAL = 0.3
_LINKS = 3


class Goods:
    """Makes puts that can be told apart by their digests; versions of a key count upwards."""

    def __init__(self, name: str, keys: int, chance: random.Random, first_version: int = 1) -> None:
        self._name = name
        self._keys = keys
        self._chance = chance
        self._version = first_version

    def sale(self, number: int) -> Put:
        """Return a whole sale."""
        reference = {"reference": f"#{number}"}
        return self._sale(
            number, "F", {"saleDefaults": reference, "lineItems": [], "note": "x" * 200}
        )

    def change(self, number: int) -> Put:
        """Return a change of a sale: whole or partial."""
        if self._chance.random() < _PARTIAL:
            field = self._chance.choice(["paid", "shipped", "note"])
            return self._sale(number, "P", {field: self._version + 1})
        return self.sale(number)

    def product(self, number: int) -> Put:
        """Return a product."""
        sku = f"{self._name}-P{number}"
        return self._put("product", sku, "F", {"sku": sku, "inventoryQuantity": self._version})

    def wish(self, number: int, tag: str) -> Put:
        """Return a wish about some of the links of a variant."""
        sku = f"{self._name}-V{number}"
        links = [
            {"vendorSku": f"V{number}-{link}", "dropshipProviderId": 7, "v": self._version}
            for link in self._chance.sample(range(_LINKS), self._chance.randint(1, _LINKS))
        ]
        return self._put("variant", sku, tag, {"sku": sku, "vendorSkus": links})

    def some(self) -> Iterator[list[Put]]:
        """Yield puts of all kinds without end, each list for one call of the producer."""
        seen: set[int] = set()
        while True:
            kind = self._chance.choice(("sale", "sale", "change", "change", "product", "wish"))
            number = self._chance.randrange(self._keys)
            if kind == "product":
                yield [self.product(one) for one in self._several()]
            elif kind == "wish":
                tag = self._chance.choice("AD")
                yield [self.wish(one, tag) for one in self._several()]
            elif number not in seen or kind == "sale":
                seen.add(number)
                older, newer = self.sale(number), self.sale(number)
                if self._chance.random() < _OUT_OF_ORDER:
                    yield [newer]
                yield [older]
            else:
                yield [self.change(number)]

    def _several(self) -> list[int]:
        return self._chance.sample(range(self._keys), self._chance.randint(1, min(20, self._keys)))

    def _sale(self, number: int, tag: str, fields: dict[str, object]) -> Put:
        key = f"{self._name}-{number}"
        return self._put("sale", key, tag, {"externalId": key, **fields, "v": self._version})

    def _put(self, family: str, key: str, tag: str, body: dict[str, object]) -> Put:
        self._version += 1
        return Put(family, key, tag, self._version, body)


@dataclass(frozen=True, slots=True)
class Counter:
    """Puts goods through a producer, noting each call before and after it."""

    producer: Producer
    history: History
    created: set[str] = field(default_factory=set)

    def put(self, puts: list[Put]) -> Told:
        """Put them in one call; all are of one family and tag."""
        numbers = self.history.attempt(puts)
        try:
            told = Told.SPOOLED if self._is_spooled(puts) else Told.ACKNOWLEDGED
        except InvalidJobError:
            told = Told.REFUSED
        except BrokerUnavailableError:
            told = Told.UNKNOWN
        self.history.note(numbers, told)
        return told

    def _is_spooled(self, puts: list[Put]) -> bool:
        answer = self._call(puts)
        return answer.spooled > 0 if isinstance(answer, Summary) else answer.state is State.SPOOLED

    def _call(self, puts: list[Put]) -> Receipt | Summary:
        first, bodies = puts[0], [put.body for put in puts]
        match first.family, first.tag:
            case "sale", "P":
                return self.producer.update_sale(first.body, version=first.version, partial=True)
            case "sale", _ if first.key in self.created:
                return self.producer.update_sale(first.body, version=first.version)
            case "sale", _:
                self.created.add(first.key)
                return self.producer.create_sale(first.body, version=first.version)
            case "product", _:
                return self.producer.import_products(bodies)
            case _, "A":
                return self.producer.acknowledge_variants(bodies)
            case _:
                return self.producer.disconnect_variants(bodies)
