"""dramatiq on Redis. `dramatiq tests.benchmarks.peers.dramatiq.app`.

How it is set up, and why:

- `RedisBroker` with its default middleware; messages are acknowledged after the work, always.
- Rate: `WindowRateLimiter` on the Redis backend, R in a window of one second. The guide lets an
  actor that is refused raise and be retried, 15 s later by default and ever later after that; then
  most of the rate is lost. So an actor waits in its thread until the next second, when the window
  is empty again: what the limiter can do at best. (Spreading those who wait over the second was
  tried, since each takes its place by a transaction that a rival makes it repeat: no gain. Handing
  it back with `Retry(delay=)` of a second uses as much of R = 20 and 100, and the message loses its
  place. `ConcurrentRateLimiter` bounds what is in flight, not a rate.)
- New sales first: a queue and worker processes for each lane, as the guide advises (its message
  priorities order only what one worker has fetched already).
- A 429 is retried after what Retry-After says (`Retry(delay=)`), without an end.
"""

import threading
import time
from collections.abc import Iterable

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import Retry
from dramatiq.rate_limits import WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend
from tests.benchmarks.payloads import Lane, Payload
from tests.benchmarks.peers.client import Clients, pause_s
from tests.benchmarks.peers.publisher import Job, Publisher
from tests.benchmarks.peers.setup import Setup

setup = Setup.told()
broker = RedisBroker(url=setup.broker)
dramatiq.set_broker(broker)
_http = Clients(setup)
_limiter = (
    WindowRateLimiter(RedisBackend(url=setup.broker), "rate", limit=round(setup.rate), window=1)
    if setup.rate
    else None
)


def _deliver(path: str, payload: Payload) -> None:
    while _limiter is not None and not _is_let_through(_limiter):
        threading.Event().wait(1.001 - time.time() % 1)  # noqa: TID251 - the limiter's clock
    pause = pause_s(_http.post(path, payload))
    if pause is not None:
        raise Retry("throttled", delay=round(pause * 1000))


def _is_let_through(limiter: WindowRateLimiter) -> bool:
    with limiter.acquire(raise_on_failure=False) as acquired:
        return bool(acquired)


_actors = {
    lane: dramatiq.actor(_deliver, actor_name=f"deliver_{lane}", queue_name=lane, max_retries=None)
    for lane in ("high", "low")
}


class _Publisher(Publisher):
    def one(self, job: Job, lane: Lane) -> None:
        _actors[lane].send(*job)

    def many(self, jobs: Iterable[Job], lane: Lane) -> None:
        # There is nothing for many: a group sends one by one, too.
        for job in jobs:
            self.one(job, lane)


if __name__ == "__main__":
    _Publisher().serve()
