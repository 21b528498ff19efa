"""The four inbound addresses of Onport, spelled once."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

PREFIX = "/webhooks/custom-channels"
HASH_HEADER = b"jetti-webhook-hash"


class Kind(StrEnum):
    """What a request carries."""

    SALE = "sale"
    PRODUCT = "product"
    ACKNOWLEDGE = "acknowledge"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One inbound address: what it takes, by which method, and what names an item there."""

    kind: Kind
    method: str
    path: str
    key_fields: tuple[str, ...]

    @property
    def takes_batches(self) -> bool:
        """Whether the body is an array of items; a sale travels alone."""
        return self.kind is not Kind.SALE


ENDPOINTS = (
    Endpoint(Kind.SALE, "POST", f"{PREFIX}/manual-sale.json", ("externalId",)),
    Endpoint(Kind.PRODUCT, "POST", f"{PREFIX}/products.json", ("externalId", "sku")),
    Endpoint(
        Kind.ACKNOWLEDGE,
        "PUT",
        f"{PREFIX}/acknowledge-inventory-feed-variant-batches.json",
        ("sku",),
    ),
    Endpoint(
        Kind.DISCONNECT,
        "PUT",
        f"{PREFIX}/disconnect-inventory-feed-variant-batches.json",
        ("sku",),
    ),
)

ENDPOINT_BY_PATH: Mapping[str, Endpoint] = MappingProxyType(
    {endpoint.path: endpoint for endpoint in ENDPOINTS}
)
