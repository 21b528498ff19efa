"""The four inbound addresses, as Onport has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from onport_queue.names import Kind

PREFIX = "/webhooks/custom-channels"
HASH_HEADER = "jetti-webhook-hash"
SALE_HEADER = "x-relay-sale"
FORCE_HEADER = "x-relay-force"


@dataclass(frozen=True, slots=True)
class Route:
    """One address: what it takes, and by which method."""

    kind: Kind
    method: str
    name: str

    @property
    def path(self) -> str:
        """The whole path, as Onport's."""
        return f"{PREFIX}/{self.name}"


ROUTES = (
    Route(Kind.SALE, "POST", "manual-sale.json"),
    Route(Kind.PRODUCT, "POST", "products.json"),
    Route(Kind.ACKNOWLEDGE, "PUT", "acknowledge-inventory-feed-variant-batches.json"),
    Route(Kind.DISCONNECT, "PUT", "disconnect-inventory-feed-variant-batches.json"),
)

# A shop whose base URL has no path has the names alone.
ROUTE_BY_PATH: Mapping[str, Route] = MappingProxyType(
    {path: route for route in ROUTES for path in (route.path, f"/{route.name}")}
)
