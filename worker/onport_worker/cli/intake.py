"""Putting the items of one file, and knowing at each moment how many were accepted."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import assert_never

from onport_producers import Producer, Receipt, State, Summary
from onport_producers.imports import Item, UnreadableError
from onport_queue.errors import InvalidJobError
from onport_queue.jobs import Payload

Progress = Callable[[int], None]
"""Told how many items have been accepted so far."""


class What(StrEnum):
    """What a file holds."""

    SALE = "sale"
    SALE_UPDATE = "sale-update"
    PRODUCTS = "products"
    ACKNOWLEDGE = "acknowledge"
    DISCONNECT = "disconnect"


class Intake:
    """Puts what a file holds; `summary` is right after a failure too, as to `accepted`."""

    def __init__(self, producer: Producer, *, channel: str, partial: bool = False) -> None:
        self.summary = Summary()
        self._producer = producer
        self._channel = channel
        self._partial = partial
        self._line = 0

    def put(self, what: What, items: Iterator[Item], progress: Progress) -> None:
        """Put all items.

        Raises:
            UnreadableError: naming the line; what came before it may have been accepted.
            BrokerUnavailableError: the same is true.
        """
        payloads = self._noting_lines(items)
        try:
            self._put(what, payloads, progress)
        except InvalidJobError as error:
            # A bulk put says "item 7: field"; the line says it better.
            place = error.place
            if place.startswith("item "):
                place = place.partition(": ")[2]
            raise UnreadableError(error.problem, self._line, place) from error

    def _put(self, what: What, payloads: Iterator[Payload], progress: Progress) -> None:
        def told(accepted: int) -> None:
            self.summary = replace(self.summary, accepted=accepted)
            progress(accepted)

        producer, channel = self._producer, self._channel
        match what:
            case What.SALE:
                for sale in payloads:
                    self._count(producer.create_sale(sale, channel=channel), progress)
            case What.SALE_UPDATE:
                for sale in payloads:
                    receipt = producer.update_sale(sale, partial=self._partial, channel=channel)
                    self._count(receipt, progress)
            case What.PRODUCTS:
                self.summary = producer.import_products(payloads, channel=channel, progress=told)
            case What.ACKNOWLEDGE:
                self.summary = producer.acknowledge_variants(
                    payloads, channel=channel, progress=told
                )
            case What.DISCONNECT:
                self.summary = producer.disconnect_variants(
                    payloads, channel=channel, progress=told
                )
            case _:
                assert_never(what)

    def _noting_lines(self, items: Iterator[Item]) -> Iterator[Payload]:
        for item in items:
            self._line = item.line
            yield item.payload

    def _count(self, receipt: Receipt, progress: Progress) -> None:
        so_far = self.summary
        times = [at for at in (so_far.expected_at, receipt.expected_at) if at is not None]
        self.summary = Summary(
            accepted=so_far.accepted + 1,
            folded=so_far.folded + (receipt.state == State.FOLDED),
            superseded=so_far.superseded + (receipt.state == State.SUPERSEDED),
            warnings=so_far.warnings + bool(receipt.warnings),
            expected_at=max(times, default=None),
        )
        progress(self.summary.accepted)
