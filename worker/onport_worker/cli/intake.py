"""Putting the items of one file, and knowing at each moment how many were accepted."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from onport_producers import Receipt, State, Storefront, Summary
from onport_producers.imports import Entry, Item, Rejected, UnreadableError
from onport_queue.errors import InvalidJobError
from onport_queue.jobs import Payload

Progress = Callable[[int], None]
"""Told how many items have been accepted so far."""

OnRejected = Callable[[Rejected], None]
"""Told what was rejected, in the order of the file."""


class What(StrEnum):
    """What a file holds."""

    SALE = "sale"
    SALE_UPDATE = "sale-update"
    PRODUCTS = "products"
    ACKNOWLEDGE = "acknowledge"
    DISCONNECT = "disconnect"


class Intake:
    """Puts what a file holds; `summary` is right after a failure too, as to `accepted`.

    Args:
        producer: whoever takes the items.
        channel: the custom channel.
        partial: whether sale updates hold only what has changed.
        force: whether products are put that Onport has as they are.
        not_before: when all of it is due; None: at once.
        rejected: told of what is no item; without it the first such place is an error.
    """

    def __init__(
        self,
        producer: Storefront,
        *,
        channel: str,
        partial: bool = False,
        force: bool = False,
        not_before: datetime | None = None,
        rejected: OnRejected | None = None,
    ) -> None:
        self.summary = Summary()
        self._producer = producer
        self._channel = channel
        self._partial = partial
        self._force = force
        self._not_before = not_before
        self._on_rejected = rejected
        self._item = Item(0, b"")

    def put(self, what: What, entries: Iterator[Entry], progress: Progress) -> None:
        """Put all items.

        Raises:
            UnreadableError: naming the line; what came before it may have been accepted.
            BrokerUnavailableError: the same is true.
        """

        def told(accepted: int) -> None:
            self.summary = replace(self.summary, accepted=accepted)
            progress(accepted)

        producer, channel, due = self._producer, self._channel, self._not_before
        payloads = self._payloads(entries)
        match what:
            case What.SALE | What.SALE_UPDATE:
                for sale in payloads:
                    self._put_sale(what, sale)
                    progress(self.summary.accepted)
            case What.PRODUCTS:
                self.summary = producer.import_products(
                    payloads,
                    channel=channel,
                    progress=told,
                    not_before=due,
                    force=self._force,
                    rejected=self._refused,
                )
            case What.ACKNOWLEDGE:
                self.summary = producer.acknowledge_variants(
                    payloads,
                    channel=channel,
                    progress=told,
                    not_before=due,
                    rejected=self._refused,
                )
            case What.DISCONNECT:
                self.summary = producer.disconnect_variants(
                    payloads,
                    channel=channel,
                    progress=told,
                    not_before=due,
                    rejected=self._refused,
                )
            case _:
                assert_never(what)

    def _put_sale(self, what: What, sale: Payload) -> None:
        producer, channel, due = self._producer, self._channel, self._not_before
        try:
            if what is What.SALE:
                receipt = producer.create_sale(sale, channel=channel, not_before=due)
            else:
                receipt = producer.update_sale(
                    sale, partial=self._partial, channel=channel, not_before=due
                )
        except InvalidJobError as error:
            self._refused(error)
        else:
            self._count(receipt)

    def _payloads(self, entries: Iterator[Entry]) -> Iterator[Payload]:
        for entry in entries:
            if isinstance(entry, Rejected):
                self._reject(entry)
            else:
                self._item = entry
                yield entry.payload

    def _refused(self, error: InvalidJobError) -> None:
        """Reject the latest item."""
        item = self._item
        origin = item.rows or (item.payload if isinstance(item.payload, bytes) else b"")
        self._reject(Rejected(UnreadableError(error.problem, item.line, error.place), origin))

    def _reject(self, rejected: Rejected) -> None:
        if self._on_rejected is None:
            raise rejected.fault
        self._on_rejected(rejected)

    def _count(self, receipt: Receipt) -> None:
        so_far = self.summary
        odd = [f"{receipt.id}: {warning}" for warning in receipt.warnings[:1]]
        times = [at for at in (so_far.expected_at, receipt.expected_at) if at is not None]
        self.summary = Summary(
            accepted=so_far.accepted + 1,
            folded=so_far.folded + (receipt.state == State.FOLDED),
            superseded=so_far.superseded + (receipt.state == State.SUPERSEDED),
            delayed=so_far.delayed + (receipt.state == State.DELAYED),
            warnings=so_far.warnings + bool(receipt.warnings),
            first_warning=so_far.first_warning or next(iter(odd), ""),
            expected_at=max(times, default=None),
        )
