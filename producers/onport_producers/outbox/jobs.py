"""What a shop adds to its outbox: values that mean what the methods of `Producer` mean."""

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import TypeAlias

from onport_queue.jobs import Payload
from onport_queue.names import DEFAULT_CHANNEL


@dataclass(frozen=True, slots=True)
class NewSale:
    """A new sale, as `Producer.create_sale` takes it."""

    sale: Payload
    _: KW_ONLY
    version: int | None = None
    channel: str = DEFAULT_CHANNEL
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class SaleUpdate:
    """A newer state of a sale, or with `partial` a part of it, as `Producer.update_sale` takes it.

    A part is laid over what its key holds.
    """

    sale: Payload
    _: KW_ONLY
    version: int | None = None
    partial: bool = False
    channel: str = DEFAULT_CHANNEL
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product item, as `Producer.import_products` takes many."""

    item: Payload
    _: KW_ONLY
    channel: str = DEFAULT_CHANNEL
    not_before: datetime | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A wish to link a variant with vendor SKUs, as `Producer.acknowledge_variants` takes many."""

    item: Payload
    _: KW_ONLY
    channel: str = DEFAULT_CHANNEL
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Disconnection:
    """A wish to unlink a variant from vendor SKUs, as `Producer.disconnect_variants` takes many."""

    item: Payload
    _: KW_ONLY
    channel: str = DEFAULT_CHANNEL
    not_before: datetime | None = None


OutboxJob: TypeAlias = NewSale | SaleUpdate | Product | Acknowledgement | Disconnection
