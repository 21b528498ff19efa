"""From a granted batch to the request it becomes: method, path, body."""

from collections.abc import Sequence
from dataclasses import dataclass

from onport_queue.flight import Granted, Item
from onport_queue.fold import folded
from onport_queue.jobs import link_item
from onport_queue.names import Kind


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, but for its secret; `print` is the fingerprint of the one to send."""

    method: str
    path: str
    body: bytes
    print: str = ""


# Methods and paths: the vendor's page on asynchronous API imports.
_ENDPOINTS = {
    Kind.SALE: ("POST", "manual-sale.json"),
    Kind.PRODUCT: ("POST", "products.json"),
    Kind.ACKNOWLEDGE: ("PUT", "acknowledge-inventory-feed-variant-batches.json"),
    Kind.DISCONNECT: ("PUT", "disconnect-inventory-feed-variant-batches.json"),
}


def compose(granted: Granted) -> Request:
    """Return the request that carries a granted batch."""
    method, path = _ENDPOINTS[granted.kind]
    return Request(method, path, _body(granted.kind, granted.items), granted.print)


def _body(kind: Kind, items: Sequence[Item]) -> bytes:
    match kind:
        case Kind.SALE:
            return folded(items[0].fragments)
        case Kind.PRODUCT:
            return b"[" + b",".join(folded(item.fragments) for item in items) + b"]"
        case Kind.ACKNOWLEDGE | Kind.DISCONNECT:
            # A job's key is variant:<channel>:<sku>, and a sku may hold colons.
            return (
                b"["
                + b",".join(link_item(item.key.split(":", 2)[2], item.fragments) for item in items)
                + b"]"
            )
