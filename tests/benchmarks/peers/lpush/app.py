"""The floor of a put: one LPUSH of a body that is ready; nothing ever takes it."""

import json
from collections.abc import Iterable

from redis import Redis
from tests.benchmarks.payloads import Lane
from tests.benchmarks.peers.publisher import Job, Publisher
from tests.benchmarks.peers.setup import Setup


class _Publisher(Publisher):
    def __init__(self) -> None:
        self._redis = Redis.from_url(Setup.told().broker)
        self._body = b""

    def one(self, job: Job, lane: Lane) -> None:
        # The first one's, for all: they are of one size, and making it is not what is asked.
        self._body = self._body or json.dumps(job[1]).encode()
        self._redis.lpush(lane, self._body)

    def many(self, jobs: Iterable[Job], lane: Lane) -> None:
        for job in jobs:
            self.one(job, lane)


if __name__ == "__main__":
    _Publisher().serve()
