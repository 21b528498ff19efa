"""From a job's value to the put that a producer would make of it."""

from typing import assert_never

from onport_producers.outbox.jobs import (
    Acknowledgement,
    Disconnection,
    NewSale,
    OutboxJob,
    Product,
    SaleUpdate,
)
from onport_producers.storefront import Storefront
from onport_queue.clock import SystemClock
from onport_queue.errors import InvalidJobError
from onport_queue.puts import PutBatch
from onport_queue.settings import Settings

# How a storefront calls the only item that it is given.
_ONLY_ITEM = "item 1"


def drafted(job: OutboxJob, settings: Settings) -> tuple[PutBatch, tuple[str, ...]]:
    """Return the put of one job, and what is odd about its payload.

    Raises:
        InvalidJobError: as the method of `Producer` does.
    """
    desk = _Desk(settings, SystemClock())
    try:
        _put(job, desk)
    except InvalidJobError as error:
        place = error.place.removeprefix(_ONLY_ITEM).removeprefix(": ")
        raise InvalidJobError(place, error.problem) from None
    (batch,) = desk.drafts
    return batch, batch.jobs[0].warnings


class _Desk(Storefront):
    """A storefront whose puts go nowhere."""

    def __init__(self, settings: Settings, clock: SystemClock) -> None:
        super().__init__(settings, clock)
        self.drafts: list[PutBatch] = []

    def _put(self, batch: PutBatch) -> None:
        self.drafts.append(batch)


def _put(job: OutboxJob, desk: Storefront) -> None:
    channel, not_before = job.channel, job.not_before
    match job:
        case NewSale():
            desk.create_sale(job.sale, version=job.version, channel=channel, not_before=not_before)
        case SaleUpdate():
            desk.update_sale(
                job.sale,
                version=job.version,
                partial=job.partial,
                channel=channel,
                not_before=not_before,
            )
        case Product():
            desk.import_products(
                [job.item], channel=channel, not_before=not_before, force=job.force
            )
        case Acknowledgement():
            desk.acknowledge_variants([job.item], channel=channel, not_before=not_before)
        case Disconnection():
            desk.disconnect_variants([job.item], channel=channel, not_before=not_before)
        case _:
            assert_never(job)
