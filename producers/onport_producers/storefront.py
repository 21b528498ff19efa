"""What a shop calls: each method validates, batches, and says what became of it."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from onport_producers.receipt import Receipt, State, Summary
from onport_queue.clock import Clock
from onport_queue.errors import InvalidJobError
from onport_queue.fold import Mode
from onport_queue.jobs import Job, LinkJob, Payload, link_job, product_job, sale_job
from onport_queue.names import DEFAULT_CHANNEL, Kind, Lane, checked_name, job_key
from onport_queue.settings import Settings
from onport_queue.store import JOBS_PER_PUT, PutBatch, PutOutcome, PutReply

Progress = Callable[[int], None]
"""Told after each script call how many items have been accepted so far."""

_AnyJob = TypeVar("_AnyJob", Job, LinkJob)


class Storefront(ABC):
    """The methods that every producer has, wherever its puts go.

    All raise InvalidJobError: the payload can't be keyed or is not of a documented JSON type; it
    names the field.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    @abstractmethod
    def _put(self, batch: PutBatch) -> PutReply | None:
        """Take a batch in; None if it was kept for later."""

    def create_sale(
        self, sale: Payload, *, version: int | None = None, channel: str = DEFAULT_CHANNEL
    ) -> Receipt:
        """Put a new sale, on the high lane.

        Args:
            sale: the vendor's manual-sale payload, keyed by `externalId`; as JSON text it is
            forwarded byte for byte. version: larger is newer; best the order's updated_at in ms.
            Default: Redis time. channel: the custom channel.
        """
        return self._put_one(Kind.SALE, Lane.HIGH, channel, self._sale(sale, version))

    def update_sale(
        self,
        sale: Payload,
        *,
        version: int | None = None,
        partial: bool = False,
        channel: str = DEFAULT_CHANNEL,
    ) -> Receipt:
        """Put a newer state of a sale, on the low lane; it folds into a sale that was not sent yet.

        Args:
            sale: the whole sale as it is now, or with `partial` only what has changed.
            version: larger is newer. Default: Redis time.
            partial: lay the payload over what its key already holds instead of replacing it.
            channel: the custom channel.
        """
        mode = Mode.PARTIAL if partial else Mode.FULL
        return self._put_one(Kind.SALE, Lane.LOW, channel, self._sale(sale, version), mode)

    def import_products(
        self,
        items: Iterable[Payload],
        *,
        channel: str = DEFAULT_CHANNEL,
        progress: Progress | None = None,
    ) -> Summary:
        """Put product items on the low lane, 500 per script call; memory stays flat.

        An invalid item raises InvalidJobError with its place among the items; those before it in
        earlier calls have been accepted, as `progress` was told.
        """
        jobs = (product_job(item, key_fields=self._settings.product_key) for item in items)
        return self._put_many(Kind.PRODUCT, channel, jobs, progress)

    def acknowledge_variants(
        self,
        items: Iterable[Payload],
        *,
        channel: str = DEFAULT_CHANNEL,
        progress: Progress | None = None,
    ) -> Summary:
        """Put wishes to link variants with vendor SKUs, on the low lane.

        One wish per link: the newest wins.
        """
        jobs = (link_job(Kind.ACKNOWLEDGE, item) for item in items)
        return self._put_many(Kind.ACKNOWLEDGE, channel, jobs, progress)

    def disconnect_variants(
        self,
        items: Iterable[Payload],
        *,
        channel: str = DEFAULT_CHANNEL,
        progress: Progress | None = None,
    ) -> Summary:
        """Put wishes to unlink variants from vendor SKUs, on the low lane.

        One wish per link: the newest wins.
        """
        jobs = (link_job(Kind.DISCONNECT, item) for item in items)
        return self._put_many(Kind.DISCONNECT, channel, jobs, progress)

    def _sale(self, sale: Payload, version: int | None) -> Job:
        return self._judged(sale_job(sale, version=version))

    def _judged(self, job: _AnyJob) -> _AnyJob:
        if self._settings.validation == "strict" and job.warnings:
            place, _, problem = job.warnings[0].partition(": ")
            raise InvalidJobError(place, problem)
        return job

    def _put_one(
        self, kind: Kind, lane: Lane, channel: str, job: Job, mode: Mode = Mode.FULL
    ) -> Receipt:
        channel = _checked(channel)
        reply = self._put(PutBatch(secrets.token_bytes(12), kind, channel, lane, (job,), mode))
        return Receipt(
            id=job_key(kind, channel, job.key),
            lane=lane,
            state=State(reply.outcomes[0]) if reply else State.SPOOLED,
            expected_at=self._expected_at(lane, reply) if reply else None,
            warnings=job.warnings,
        )

    def _put_many(
        self, kind: Kind, channel: str, jobs: Iterator[_AnyJob], progress: Progress | None
    ) -> Summary:
        summary, channel = Summary(), _checked(channel)
        # While Redis takes one batch, the next one is made ready.
        with ThreadPoolExecutor(1, thread_name_prefix="onport-relay-put") as sender:
            batch = self._next_batch(jobs, 0)
            while batch:
                put = PutBatch(secrets.token_bytes(12), kind, channel, Lane.LOW, batch)
                sending = sender.submit(self._put, put)
                try:
                    following = self._next_batch(jobs, summary.accepted + len(batch))
                finally:
                    summary = self._added(summary, batch, sending.result())
                    if progress:
                        progress(summary.accepted)
                batch = following
        return summary

    def _added(self, summary: Summary, batch: Sequence[_AnyJob], reply: PutReply | None) -> Summary:
        outcomes = reply.outcomes if reply else ()
        return Summary(
            accepted=summary.accepted + len(batch),
            folded=summary.folded + outcomes.count(PutOutcome.FOLDED),
            superseded=summary.superseded + outcomes.count(PutOutcome.SUPERSEDED),
            spooled=summary.spooled + (0 if reply else len(batch)),
            warnings=summary.warnings + sum(1 for job in batch if job.warnings),
            expected_at=self._expected_at(Lane.LOW, reply) if reply else None,
        )

    def _next_batch(self, jobs: Iterator[_AnyJob], accepted: int) -> Sequence[_AnyJob]:
        batch: list[_AnyJob] = []
        try:
            batch.extend(self._judged(job) for job in islice(jobs, JOBS_PER_PUT))
        except InvalidJobError as error:
            place = f"item {accepted + len(batch) + 1}"
            raise InvalidJobError(
                f"{place}: {error.place}" if error.place else place, error.problem
            ) from None
        return batch

    def _expected_at(self, lane: Lane, reply: PutReply) -> datetime:
        requests: float = reply.pending_high
        if lane == Lane.LOW:
            requests += reply.pending_low / self._settings.batch_items
        return self._clock.wall() + timedelta(seconds=requests / self._settings.rate)


def _checked(channel: str) -> str:
    try:
        return checked_name("channel", channel)
    except ValueError as error:
        raise InvalidJobError("channel", str(error)) from None
