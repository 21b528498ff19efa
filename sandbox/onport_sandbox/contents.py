"""What a request carries: its items, each by key and digest, never by payload."""

import json
from dataclasses import dataclass
from enum import Enum, auto

from onport_sandbox.documents import Json, canonical_digest, parse_document
from onport_sandbox.endpoints import Endpoint


class Shape(Enum):
    """How a body compares with what its endpoint takes."""

    FITS = auto()
    TOO_LARGE = auto()
    NO_JSON = auto()
    WRONG_TYPE = auto()


@dataclass(frozen=True, slots=True)
class Item:
    """One thing delivered: the key it is known by, if any, and the digest of its payload."""

    key: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Contents:
    """The shape of a body and, where it fits, its items in their order."""

    shape: Shape
    items: tuple[Item, ...] = ()


def read_contents(endpoint: Endpoint, body: bytes | None) -> Contents:
    """Return what `body` carries; a body of None was too large to be read."""
    if body is None:
        return Contents(Shape.TOO_LARGE)
    try:
        document = parse_document(body)
    except ValueError:
        return Contents(Shape.NO_JSON)
    if endpoint.takes_batches:
        if not isinstance(document, list):
            return Contents(Shape.WRONG_TYPE)
        return Contents(Shape.FITS, tuple(_item(endpoint, element) for element in document))
    if not isinstance(document, dict):
        return Contents(Shape.WRONG_TYPE)
    return Contents(Shape.FITS, (_item(endpoint, document),))


def item_key(endpoint: Endpoint, element: Json) -> str | None:
    """Return the text of the first key field present in `element`, if there is one."""
    if not isinstance(element, dict):
        return None
    for field in endpoint.key_fields:
        value = element.get(field)
        if isinstance(value, str):
            return value
        # True is an int to Python, but no number to JSON.
        if isinstance(value, int | float) and not isinstance(value, bool):
            return json.dumps(value)
    return None


def _item(endpoint: Endpoint, element: Json) -> Item:
    return Item(item_key(endpoint, element), canonical_digest(element))
