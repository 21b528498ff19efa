"""Where the puts of one account go: into Redis, or onto the disk while that is away."""

import os
from dataclasses import dataclass, replace

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from tenacity import Retrying, retry_if_exception_type, stop_before_delay, wait_fixed

from onport_producers.broker_memory import BrokerMemory
from onport_producers.errand import Errands
from onport_producers.handover import Handover
from onport_producers.shelter import Shelter
from onport_producers.spool import Spool
from onport_producers.wakeup import Waker
from onport_queue.broker import connect, may_pass, unreachable
from onport_queue.clock import Clock
from onport_queue.errors import BrokerUnavailableError, NewerFormatError, SpoolError
from onport_queue.log import Log
from onport_queue.puts import PutBatch, PutReply
from onport_queue.scripts import library
from onport_queue.settings import Settings
from onport_queue.store import Queue

_log = Log(__name__)

PUT_BOUND_S = 0.25

FLUSH_BOUND_S = 2.0
"""How long one call of the flusher may take; nobody waits for it."""


@dataclass(frozen=True, slots=True)
class _Connection:
    """What a process has of its own: a forked child can't use its parent's."""

    pid: int
    redis: Redis
    queue: Queue
    handover: Handover
    errands: Errands


class Reception:
    """Takes the puts of one account; thread-safe, and may be made before a fork."""

    def __init__(
        self, settings: Settings, url: str, waker: Waker, clock: Clock, *, bound_s: float
    ) -> None:
        self._settings = settings
        self._url = url
        self._waker = waker
        self._clock = clock
        self._bound_s = bound_s
        self._connected: _Connection | None = None
        self._memory = BrokerMemory(clock)
        self._shelter = self._sheltered() if settings.spool_mb else None
        library()  # read now: see wakeup.py on what a thread may import

    def put(self, batch: PutBatch) -> PutReply | None:
        """Put a batch, or keep it (None).

        Raises:
            BrokerUnavailableError: Redis did not take it, and it could not be kept.
        """
        if self._shelter is not None and self._shelter.is_holding():
            self._shelter.keep(batch)
            return None
        latest = replace(batch, latest_ms=self._memory.within_ms(self._bound_s))
        connection = self._connection()
        try:
            return connection.errands.run(
                lambda: self._tries()(connection.handover.put, latest),
                afterwards=lambda reply: self._follow_up(connection.handover, batch, reply),
                bound_s=self._bound_s,
            )
        except RedisError as error:
            self._keep(batch, error)
            return None

    def _follow_up(self, handover: Handover, batch: PutBatch, reply: PutReply) -> None:
        handover.follow_up(batch, reply)
        if self._shelter is not None:
            self._shelter.note_offset()

    def check(self) -> str:
        """Return what would take a put now: ``broker`` or ``spool``.

        Raises:
            BrokerUnavailableError: neither.
        """
        if self._shelter is not None and self._shelter.is_holding():
            self._shelter.check_room()
            return "spool"
        connection = self._connection()
        try:
            connection.errands.run(connection.redis.ping, bound_s=self._bound_s)
        except RedisError as error:
            away = unreachable(connection.redis, error)
            if self._shelter is None:
                raise BrokerUnavailableError(away) from error
            try:
                self._shelter.check_room()
            except SpoolError as problem:
                raise SpoolError(f"{away}; {problem}") from error
            return "spool"
        return "broker"

    def _keep(self, batch: PutBatch, error: RedisError) -> None:
        away = unreachable(self._connection().redis, error)
        if self._shelter is None or not may_pass(error):
            raise BrokerUnavailableError(away) from error
        try:
            self._shelter.keep(batch)
        except SpoolError as problem:
            raise SpoolError(f"{away}; {problem}") from error
        _log.warning("put_spooled", error=type(error).__name__)
        if isinstance(error, NewerFormatError):  # nothing but an upgrade of this host ends it
            _log.error("queue_is_newer", error=str(error))

    def _tries(self) -> Retrying:
        # The put id makes a repetition harmless, so a cut connection is simply tried again, within
        # the bound.
        return Retrying(
            retry=retry_if_exception_type((RedisConnectionError, RedisTimeoutError)),
            stop=stop_before_delay(self._bound_s),
            wait=wait_fixed(0.02),
            reraise=True,
        )

    def _connection(self) -> _Connection:
        if self._connected is None or self._connected.pid != os.getpid():
            redis = connect(self._url, timeout_s=self._bound_s, retries=0)
            queue = Queue.of(redis, self._settings)
            handover = self._handover_of(queue)
            self._connected = _Connection(os.getpid(), redis, queue, handover, Errands())
        return self._connected

    def _handover_of(self, queue: Queue) -> Handover:
        return Handover(queue, self._waker, self._memory, self._clock)

    def _sheltered(self) -> Shelter:
        def handover() -> Handover:
            redis = connect(self._url, timeout_s=FLUSH_BOUND_S, retries=0)
            return self._handover_of(Queue.of(redis, self._settings))

        spool = Spool.of(self._settings, self._clock)
        return Shelter(spool, self._memory, handover, self._clock)
