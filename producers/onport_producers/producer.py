"""The client that a shop uses: each method validates, puts, wakes, and says what became of it."""

import logging
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TypeVar

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from tenacity import Retrying, retry_if_exception_type, stop_before_delay, wait_fixed

from onport_producers.broker_memory import BrokerMemory
from onport_producers.handover import Handover
from onport_producers.receipt import Receipt, State, Summary
from onport_producers.shelter import Shelter
from onport_producers.spool import Spool
from onport_producers.wakeup import CeleryWaker, Waker
from onport_queue.broker import connect, may_pass, unreachable
from onport_queue.clock import Clock, SystemClock
from onport_queue.errors import BrokerUnavailableError, InvalidJobError, SettingsError, SpoolError
from onport_queue.fold import Mode
from onport_queue.jobs import Job, LinkJob, Payload, link_job, product_job, sale_job
from onport_queue.names import DEFAULT_CHANNEL, Kind, Lane, checked_name, job_key
from onport_queue.settings import Settings, load_settings
from onport_queue.store import JOBS_PER_PUT, PutBatch, PutOutcome, PutReply, Queue

_log = logging.getLogger(__name__)

PUT_BOUND_S = 0.25
FLUSH_BOUND_S = 2.0
"""How long one call of the flusher may take; nobody waits for it."""

Progress = Callable[[int], None]
"""Told after each script call how many items have been accepted so far."""

_AnyJob = TypeVar("_AnyJob", Job, LinkJob)


class Producer:
    """Puts jobs into the relay. Thread-safe; may be made before a fork.

    Once a method returns, Redis has the job, or this host's spool has it on its disk because Redis
    could not take it within a quarter of a second: it is delivered at least once, in the order of
    its key's versions. While the spool holds something, this host's puts go there at once; a thread
    flushes it when Redis is back.

    All methods raise:
        InvalidJobError: the payload can't be keyed or is not of a documented JSON type; names the
            field.
        BrokerUnavailableError: Redis did not take the job, and there is no spool (spool_mb = 0), or
            it can't take it either (SpoolError). Whether Redis has it is then unknown; putting it
            again is safe.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        waker: Waker | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings or load_settings()
        if self._settings.redis_url is None:
            raise SettingsError(
                "redis_url: missing; set ONPORT_RELAY_REDIS_URL or name the broker in relay.toml"
            )
        self._url = self._settings.redis_url
        self._waker = waker or CeleryWaker(self._url)
        self._clock = clock or SystemClock()
        self._connected: tuple[int, Redis, Handover] | None = None
        self._memory = BrokerMemory(self._clock)
        self._shelter = self._sheltered() if self._settings.spool_mb else None

    @classmethod
    def from_config(cls, config: Path | None = None) -> "Producer":
        """Return a producer set up by a settings file and the environment."""
        return cls(load_settings(config))

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
        summary = Summary()
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

    def _put(self, batch: PutBatch) -> PutReply | None:
        """Put a batch, or keep it (None)."""
        handover = self._handover()
        try:
            checked_name("channel", batch.channel)
        except ValueError as error:
            raise InvalidJobError("channel", str(error)) from None
        if self._shelter is not None and self._shelter.is_holding():
            self._shelter.keep(batch)
            return None
        gives_up_ms = self._memory.soon_ms(PUT_BOUND_S)
        try:
            for attempt in self._tries():
                with attempt:
                    reply = handover.put(replace(batch, latest_ms=gives_up_ms))
        except RedisError as error:
            self._keep(batch, error)
            return None
        handover.follow_up(batch, reply)
        if self._shelter is not None:
            self._shelter.note_offset()
        return reply

    def _keep(self, batch: PutBatch, error: RedisError) -> None:
        away = unreachable(self._redis(), error)
        if self._shelter is None or not may_pass(error):
            raise BrokerUnavailableError(away) from error
        try:
            self._shelter.keep(batch)
        except SpoolError as problem:
            raise SpoolError(f"{away}; {problem}") from error
        _log.warning("put_spooled error=%s", type(error).__name__)

    def _tries(self) -> Retrying:
        # The put id makes a repetition harmless, so a cut connection is simply tried again, within
        # the bound.
        return Retrying(
            retry=retry_if_exception_type((RedisConnectionError, RedisTimeoutError)),
            stop=stop_before_delay(PUT_BOUND_S),
            wait=wait_fixed(0.02),
            reraise=True,
        )

    def _expected_at(self, lane: Lane, reply: PutReply) -> datetime:
        requests: float = reply.pending_high
        if lane == Lane.LOW:
            requests += reply.pending_low / self._settings.batch_items
        return self._clock.wall() + timedelta(seconds=requests / self._settings.rate)

    def _redis(self) -> Redis:
        return self._connection()[1]

    def _handover(self) -> Handover:
        return self._connection()[2]

    def _connection(self) -> tuple[int, Redis, Handover]:
        pid = os.getpid()
        if self._connected is None or self._connected[0] != pid:
            redis = connect(self._url, timeout_s=PUT_BOUND_S, retries=0)
            self._connected = pid, redis, self._handover_over(redis)
        return self._connected

    def _handover_over(self, redis: Redis) -> Handover:
        queue = Queue.of(redis, self._settings)
        return Handover(queue, self._waker, self._memory, self._clock)

    def _sheltered(self) -> Shelter:
        def handover() -> Handover:
            return self._handover_over(connect(self._url, timeout_s=FLUSH_BOUND_S, retries=0))

        spool = Spool.of(self._settings, self._clock)
        return Shelter(spool, self._memory, handover, self._clock)
