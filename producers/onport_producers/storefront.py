"""What a shop calls: each method validates, batches, and says what became of it."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice, repeat
from typing import TypeVar

from onport_producers.receipt import Receipt, State, Summary
from onport_queue.clock import Clock
from onport_queue.errors import InvalidJobError, SettingsError
from onport_queue.fold import Mode
from onport_queue.jobs import Job, LinkJob, Payload, link_job, product_job, sale_job
from onport_queue.names import DEFAULT_CHANNEL, Kind, Lane, checked_name, job_key
from onport_queue.puts import JOBS_PER_PUT, PutBatch, PutOutcome, PutReply
from onport_queue.settings import Settings

Progress = Callable[[int], None]
"""Told after each script call how many items have been accepted so far."""

Rejection = Callable[[InvalidJobError], None]
"""Told of an item that was refused, while the next ones are put."""

_AnyJob = TypeVar("_AnyJob", Job, LinkJob)


class Storefront(ABC):
    """The methods that every producer has, wherever its puts go.

    All take `not_before`, an aware datetime: until then the job stays outside its key, and what is
    put meanwhile is not held up; then it takes that time as its version, so it takes no other.

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
        self,
        sale: Payload,
        *,
        version: int | None = None,
        channel: str = DEFAULT_CHANNEL,
        not_before: datetime | None = None,
    ) -> Receipt:
        """Put a new sale, on the high lane.

        Args:
            sale: the vendor's manual-sale payload, keyed by `externalId`; as JSON text it is
                forwarded byte for byte.
            version: larger is newer; best the order's updated_at in ms. Default: Redis time.
            channel: the custom channel.
            not_before: when it is due. Default: at once.
        """
        job = self._sale(sale, version, not_before)
        return self._put_one(Kind.SALE, Lane.HIGH, channel, job, not_before=not_before)

    def update_sale(
        self,
        sale: Payload,
        *,
        version: int | None = None,
        partial: bool = False,
        channel: str = DEFAULT_CHANNEL,
        not_before: datetime | None = None,
    ) -> Receipt:
        """Put a newer state of a sale, on the low lane; it folds into a sale that was not sent yet.

        Args:
            sale: the whole sale as it is now, or with `partial` only what has changed.
            version: larger is newer. Default: Redis time.
            partial: lay the payload over what its key already holds instead of replacing it.
            channel: the custom channel.
            not_before: when it is due. Default: at once.
        """
        job = self._sale(sale, version, not_before)
        mode = Mode.PARTIAL if partial else Mode.FULL
        return self._put_one(Kind.SALE, Lane.LOW, channel, job, mode, not_before=not_before)

    def import_products(
        self,
        items: Iterable[Payload],
        *,
        channel: str = DEFAULT_CHANNEL,
        progress: Progress | None = None,
        not_before: datetime | None = None,
        force: bool = False,
        rejected: Rejection | None = None,
    ) -> Summary:
        """Put product items on the low lane, 500 per script call; memory stays flat.

        An item is skipped if it is byte for byte what was delivered last for its key, nothing else
        of that key is on its way, and it is due at once; `force` puts it all the same.

        An invalid item raises InvalidJobError with its place among the items; those before it in
        earlier calls have been accepted, as `progress` was told. With `rejected` that is told of
        the error instead, after the item was taken from `items` and before the next one is.
        """
        jobs = map(partial(product_job, key_fields=self._settings.product_key), items)
        template = _Template(Kind.PRODUCT, channel, not_before, skip_unchanged=not force)
        return self._put_many(template, jobs, progress, rejected)

    def acknowledge_variants(
        self,
        items: Iterable[Payload],
        *,
        channel: str = DEFAULT_CHANNEL,
        progress: Progress | None = None,
        not_before: datetime | None = None,
        rejected: Rejection | None = None,
    ) -> Summary:
        """Put wishes to link variants with vendor SKUs, on the low lane.

        One wish per link: the newest wins.
        """
        jobs = map(partial(link_job, Kind.ACKNOWLEDGE), items)
        template = _Template(Kind.ACKNOWLEDGE, channel, not_before)
        return self._put_many(template, jobs, progress, rejected)

    def disconnect_variants(
        self,
        items: Iterable[Payload],
        *,
        channel: str = DEFAULT_CHANNEL,
        progress: Progress | None = None,
        not_before: datetime | None = None,
        rejected: Rejection | None = None,
    ) -> Summary:
        """Put wishes to unlink variants from vendor SKUs, on the low lane.

        One wish per link: the newest wins.
        """
        jobs = map(partial(link_job, Kind.DISCONNECT), items)
        template = _Template(Kind.DISCONNECT, channel, not_before)
        return self._put_many(template, jobs, progress, rejected)

    def prepare_sale(self, sale: Payload) -> Job:
        """Return the job of a sale: checked and keyed; nothing is put yet."""
        return self._sale(sale, None, None)

    def prepare_product(self, item: Payload) -> Job:
        """Return the job of a product item; nothing is put yet."""
        return self._judged(product_job(item, key_fields=self._settings.product_key))

    def prepare_links(self, kind: Kind, item: Payload) -> LinkJob:
        """Return the job of an item that acknowledges or disconnects; nothing is put yet."""
        return self._judged(link_job(kind, item))

    def put_jobs(
        self,
        kind: Kind,
        lane: Lane | None,
        channel: str,
        jobs: Sequence[Job] | Sequence[LinkJob],
        *,
        force: bool = True,
    ) -> tuple[Receipt, ...]:
        """Put prepared jobs of one kind in one step, at most 500; a receipt each, in order.

        Without a lane each job has its own: high if the relay knows nothing of its key, else low.
        Without `force` a product that is unchanged is skipped, as `import_products` does.
        """
        self._check_channel(channel)
        batch = PutBatch(secrets.token_bytes(12), kind, channel, lane, jobs)
        return self._received(replace(batch, skip_unchanged=not force), None)

    def _check_channel(self, channel: str) -> None:
        try:
            self._settings.account_of(checked_name("channel", channel))
        except (ValueError, SettingsError) as error:
            raise InvalidJobError("channel", str(error)) from None

    def _sale(self, sale: Payload, version: int | None, not_before: datetime | None) -> Job:
        if version is not None and not_before is not None:
            raise InvalidJobError(
                "version", "expected none beside not_before: the due time is the version"
            )
        return self._judged(sale_job(sale, version=version))

    def _judged(self, job: _AnyJob) -> _AnyJob:
        if self._settings.validation == "strict" and job.warnings:
            place, _, problem = job.warnings[0].partition(": ")
            raise InvalidJobError(place, problem)
        return job

    def _put_one(
        self,
        kind: Kind,
        lane: Lane,
        channel: str,
        job: Job,
        mode: Mode = Mode.FULL,
        *,
        not_before: datetime | None,
    ) -> Receipt:
        self._check_channel(channel)
        batch = PutBatch(secrets.token_bytes(12), kind, channel, lane, (job,), mode)
        return self._received(replace(batch, not_before_ms=_due_ms(not_before)), not_before)[0]

    def _received(self, batch: PutBatch, not_before: datetime | None) -> tuple[Receipt, ...]:
        reply = self._put(batch)
        jobs: Sequence[Job | LinkJob] = batch.jobs
        states = map(State, reply.outcomes) if reply else repeat(State.SPOOLED, len(jobs))
        # Of what is kept the queue tells the lane later: new sales are the most that nobody named.
        lanes = reply.lanes if reply else repeat(batch.lane or Lane.HIGH, len(jobs))
        expected_at = {
            lane: self._expected_at(lane, reply, not_before) if reply else None for lane in Lane
        }
        prefix = job_key(batch.kind, batch.channel, "")
        return tuple(
            Receipt(prefix + job.key, lane, state, expected_at[lane], job.warnings)
            for job, state, lane in zip(jobs, states, lanes, strict=True)
        )

    def _put_many(
        self,
        template: "_Template",
        jobs: Iterator[_AnyJob],
        progress: Progress | None,
        rejected: Rejection | None,
    ) -> Summary:
        self._check_channel(template.channel)
        summary, put = Summary(), template.batch()
        # While Redis takes one batch, the next one is made ready.
        with ThreadPoolExecutor(1, thread_name_prefix="onport-relay-put") as sender:
            batch = self._next_batch(jobs, 0, rejected)
            while batch:
                sending = sender.submit(
                    self._put, replace(put, put_id=secrets.token_bytes(12), jobs=batch)
                )
                try:
                    following = self._next_batch(jobs, summary.accepted + len(batch), rejected)
                finally:
                    reply = sending.result()
                    summary = self._added(summary, batch, reply, template)
                    if progress:
                        progress(summary.accepted)
                batch = following
        return summary

    def _added(
        self,
        summary: Summary,
        batch: Sequence[_AnyJob],
        reply: PutReply | None,
        template: "_Template",
    ) -> Summary:
        outcomes = reply.outcomes if reply else ()
        prefix = job_key(template.kind, template.channel, "")
        odd = [f"{prefix}{job.key}: {job.warnings[0]}" for job in batch if job.warnings]
        return Summary(
            accepted=summary.accepted + len(batch),
            folded=summary.folded + outcomes.count(PutOutcome.FOLDED),
            superseded=summary.superseded + outcomes.count(PutOutcome.SUPERSEDED),
            unchanged=summary.unchanged + outcomes.count(PutOutcome.UNCHANGED),
            delayed=summary.delayed + outcomes.count(PutOutcome.DELAYED),
            spooled=summary.spooled + (0 if reply else len(batch)),
            warnings=summary.warnings + len(odd),
            first_warning=summary.first_warning or next(iter(odd), ""),
            expected_at=(
                self._expected_at(Lane.LOW, reply, template.not_before) if reply else None
            ),
        )

    def _next_batch(
        self, jobs: Iterator[_AnyJob], accepted: int, rejected: Rejection | None
    ) -> Sequence[_AnyJob]:
        batch: list[_AnyJob] = []
        while len(batch) < JOBS_PER_PUT:
            try:
                # The map goes on after an item that can't be made a job, as a generator would not.
                batch.extend(self._judged(job) for job in islice(jobs, JOBS_PER_PUT - len(batch)))
                break
            except InvalidJobError as error:
                if rejected is None:
                    place = f"item {accepted + len(batch) + 1}"
                    raise InvalidJobError(
                        f"{place}: {error.place}" if error.place else place, error.problem
                    ) from None
                rejected(error)
        return batch

    def _expected_at(self, lane: Lane, reply: PutReply, not_before: datetime | None) -> datetime:
        requests: float = reply.pending_high
        if lane == Lane.LOW:
            requests += reply.pending_low / self._settings.batch_items
        soon = self._clock.wall() + timedelta(seconds=requests / self._settings.rate)
        return max(soon, not_before) if not_before else soon


@dataclass(frozen=True, slots=True)
class _Template:
    """What the batches of a bulk put have in common."""

    kind: Kind
    channel: str
    not_before: datetime | None
    skip_unchanged: bool = False

    def batch(self) -> PutBatch:
        return PutBatch(
            put_id=b"",
            kind=self.kind,
            channel=self.channel,
            lane=Lane.LOW,
            jobs=(),
            not_before_ms=_due_ms(self.not_before),
            skip_unchanged=self.skip_unchanged,
        )


def _due_ms(not_before: datetime | None) -> int | None:
    if not_before is None:
        return None
    if not isinstance(not_before, datetime) or not_before.utcoffset() is None:
        raise InvalidJobError(
            "not_before", f"expected an aware datetime, with its time zone, got {not_before!r}"
        )
    due_ms = round(not_before.timestamp() * 1000)
    if due_ms < 0:
        raise InvalidJobError("not_before", f"expected a time since 1970, got {not_before}")
    return due_ms
