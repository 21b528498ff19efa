"""A put alone: the queue's part of it."""

import json
import os
from collections.abc import Iterable

from tests.benchmarks.payloads import Lane
from tests.benchmarks.peers.publisher import Job, Publisher

from onport_queue.broker import connect
from onport_queue.jobs import Job as QueueJob
from onport_queue.names import DEFAULT_CHANNEL, Kind
from onport_queue.names import Lane as QueueLane
from onport_queue.puts import PutBatch
from onport_queue.settings import load_settings
from onport_queue.store import Queue


class _Publisher(Publisher):
    def __init__(self) -> None:
        settings = load_settings()
        self._queue = Queue.of(connect(settings.redis_url or ""), settings)
        self._body = b""

    def one(self, job: Job, lane: Lane) -> None:
        # The first one's body for all, as the floor has it.
        self._body = self._body or json.dumps(job[1]).encode()
        jobs = [QueueJob(job[1]["externalId"], self._body)]
        put_id, to = os.urandom(12), QueueLane(lane)
        self._queue.put(PutBatch(put_id, Kind.SALE, DEFAULT_CHANNEL, to, jobs))

    def many(self, jobs: Iterable[Job], lane: Lane) -> None:
        for job in jobs:
            self.one(job, lane)


if __name__ == "__main__":
    _Publisher().serve()
