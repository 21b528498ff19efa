"""The producer for an asyncio shop: the same methods, awaited; the work is done in threads."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from onport_producers.producer import Producer
from onport_producers.receipt import Receipt, Summary
from onport_producers.storefront import Progress, Rejection, Storefront
from onport_producers.threads import in_thread
from onport_queue.jobs import Payload
from onport_queue.names import DEFAULT_CHANNEL

# A put takes a millisecond, but a broker that begins to hang holds each one for a quarter of a
# second. Threads are made when they are needed.
_PUTS = 128
# A bulk call takes as long as its items do, and no single put may wait for that.
_BULK_CALLS = 8


class AsyncProducer:
    """Awaits what a producer does; never blocks the event loop.

    A put that was begun is finished even if whoever awaits it is cancelled: the job may have been
    taken, and putting it again is safe. Bulk calls have threads of their own, eight at once: no
    single put waits for them.

    Args:
        producer: whose methods are awaited; by default one set up by the environment.
    """

    def __init__(self, producer: Storefront | None = None) -> None:
        self._producer = producer or Producer()
        self._puts = ThreadPoolExecutor(_PUTS, thread_name_prefix="onport-relay-async")
        self._bulk = ThreadPoolExecutor(_BULK_CALLS, thread_name_prefix="onport-relay-async-bulk")

    @classmethod
    def from_config(cls, config: Path | None = None) -> "AsyncProducer":
        """Return a producer set up by a settings file and the environment."""
        return cls(Producer.from_config(config))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Return when all that was begun is finished."""
        await asyncio.to_thread(self._finish)

    async def create_sale(
        self,
        sale: Payload,
        *,
        version: int | None = None,
        channel: str = DEFAULT_CHANNEL,
        not_before: datetime | None = None,
    ) -> Receipt:
        """As `Producer.create_sale`."""
        return await in_thread(
            self._puts,
            self._producer.create_sale,
            sale,
            version=version,
            channel=channel,
            not_before=not_before,
        )

    async def update_sale(
        self,
        sale: Payload,
        *,
        version: int | None = None,
        partial: bool = False,
        channel: str = DEFAULT_CHANNEL,
        not_before: datetime | None = None,
    ) -> Receipt:
        """As `Producer.update_sale`."""
        return await in_thread(
            self._puts,
            self._producer.update_sale,
            sale,
            version=version,
            partial=partial,
            channel=channel,
            not_before=not_before,
        )

    async def import_products(
        self,
        items: Iterable[Payload],
        *,
        channel: str = DEFAULT_CHANNEL,
        progress: Progress | None = None,
        not_before: datetime | None = None,
        force: bool = False,
        rejected: Rejection | None = None,
    ) -> Summary:
        """As `Producer.import_products`; items and callbacks are called in a thread."""
        return await in_thread(
            self._bulk,
            self._producer.import_products,
            items,
            channel=channel,
            progress=progress,
            not_before=not_before,
            force=force,
            rejected=rejected,
        )

    async def acknowledge_variants(
        self,
        items: Iterable[Payload],
        *,
        channel: str = DEFAULT_CHANNEL,
        progress: Progress | None = None,
        not_before: datetime | None = None,
        rejected: Rejection | None = None,
    ) -> Summary:
        """As `Producer.acknowledge_variants`; items and callbacks are called in a thread."""
        return await in_thread(
            self._bulk,
            self._producer.acknowledge_variants,
            items,
            channel=channel,
            progress=progress,
            not_before=not_before,
            rejected=rejected,
        )

    async def disconnect_variants(
        self,
        items: Iterable[Payload],
        *,
        channel: str = DEFAULT_CHANNEL,
        progress: Progress | None = None,
        not_before: datetime | None = None,
        rejected: Rejection | None = None,
    ) -> Summary:
        """As `Producer.disconnect_variants`; items and callbacks are called in a thread."""
        return await in_thread(
            self._bulk,
            self._producer.disconnect_variants,
            items,
            channel=channel,
            progress=progress,
            not_before=not_before,
            rejected=rejected,
        )

    def _finish(self) -> None:
        self._puts.shutdown()
        self._bulk.shutdown()
