"""The floor: threads that send prepared bodies over one httpx.Client, and do nothing else.

No queue, nothing is kept, nothing is shared between processes. What it is to send is told by its
publisher in Redis, since it is started like all others; it sends all of it again and again, until
it is killed.
"""

import json
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import cycle

from redis import Redis
from tests.benchmarks.payloads import Lane
from tests.benchmarks.peers.client import shared_client
from tests.benchmarks.peers.publisher import Job, Publisher
from tests.benchmarks.peers.setup import Setup

_KEY = "loop"
setup = Setup.told()


class _Publisher(Publisher):
    def __init__(self) -> None:
        self._redis = Redis.from_url(setup.broker)

    def one(self, job: Job, lane: Lane) -> None:
        self.many([job], lane)

    def many(self, jobs: Iterable[Job], lane: Lane) -> None:  # noqa: ARG002 - it has one lane
        with self._redis.pipeline(transaction=False) as pipeline:
            for job in jobs:
                pipeline.rpush(_KEY, json.dumps(job))
            pipeline.execute()


class Turns:
    """Gives out the jobs, no sooner than the rate allows."""

    def __init__(self, jobs: Iterator[tuple[str, bytes]], rate: float) -> None:
        self._jobs = jobs
        self._interval_s = 1 / rate if rate else 0.0
        self._due_s = time.monotonic()
        self._lock = threading.Lock()

    def next(self) -> tuple[str, bytes]:
        """Return the next job when it is due."""
        with self._lock:
            job = next(self._jobs)
            due_s = self._due_s = max(self._due_s + self._interval_s, time.monotonic())
        if self._interval_s:
            threading.Event().wait(max(0.0, due_s - time.monotonic()))
        return job


def work(process: int) -> None:
    """Send this process's share of the jobs."""
    with Redis.from_url(setup.broker) as redis:
        kept = redis.lrange(_KEY, 0, -1)[process :: setup.processes]
    jobs = [(path, json.dumps(payload).encode()) for path, payload in map(json.loads, kept)]
    turns = Turns(cycle(jobs), setup.rate / setup.processes)
    headers = {"content-type": "application/json"}
    with shared_client(setup) as http:

        def send() -> None:
            while True:
                path, body = turns.next()
                http.post(path, content=body, headers=headers).raise_for_status()

        threads = [threading.Thread(target=send) for _ in range(setup.concurrency)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(int(sys.argv[1]))
    else:
        _Publisher().serve()
