"""Handing a put over to the queue, and what that brings with it: wake-ups, compaction, learning."""

from redis.exceptions import RedisError

from onport_producers.broker_memory import BrokerMemory
from onport_producers.wakeup import Waker
from onport_queue.clock import Clock
from onport_queue.fold import compaction
from onport_queue.log import Log
from onport_queue.puts import PutBatch, PutReply
from onport_queue.store import Queue

_log = Log(__name__)


class Handover:
    """Puts batches into a queue; thread-safe."""

    def __init__(self, queue: Queue, waker: Waker, memory: BrokerMemory, clock: Clock) -> None:
        self._queue = queue
        self._waker = waker
        self._memory = memory
        self._clock = clock

    def put(self, batch: PutBatch) -> PutReply:
        """Put a batch. Once this returns, Redis has it.

        Raises:
            redis.exceptions.RedisError: as `Queue.put` does.
        """
        began = self._clock.monotonic_s()
        reply = self._queue.put(batch)
        self._memory.learn_time(reply.redis_ms, began, self._clock.monotonic_s())
        return reply

    def follow_up(self, batch: PutBatch, reply: PutReply) -> None:
        """Do what is best done after a put, and what it has not failed without."""
        for lane in reply.wake:
            self._waker.wake(self._queue.account, lane)
        try:
            for index in reply.overgrown:
                key = batch.jobs[index].key
                self._queue.compact(batch.kind, batch.channel, key, compaction)
            if reply.epoch != self._memory.epoch or not reply.epoch:
                self._meet(reply.epoch)
        except RedisError as error:
            # The job stays overgrown, or the loss unnoticed, until the next put.
            _log.warning("follow_up_failed", error=type(error).__name__)

    def _meet(self, epoch: str) -> None:
        before = self._memory.epoch
        if before or not epoch:
            epoch = self._queue.epoch(before)
        if before and epoch != before:
            _log.error("broker_emptied", before=before, now=epoch)
        self._memory.epoch = epoch
