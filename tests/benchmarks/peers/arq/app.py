"""arq. `arq tests.benchmarks.peers.arq.app.Low`, and `High` with lanes.

How it is set up, and why:

- One worker is one event loop, on uvloop; what it has is made in `on_startup`, as its documentation
  shows.
- `poll_delay` is 10 ms instead of half a second, which a worker with free slots would else wait
  before it looks again. Results are not kept.
- Rate: arq has none. A bucket in Redis shared by all workers (peers/bucket.py); a job waits for its
  token in its own slot, since `Retry(defer=)` would count as a try and lose its place.
- New sales first: arq has no priorities, but queues: a queue and a worker for each lane.
- A 429 is retried after what Retry-After says (`Retry(defer=)`), without an end.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import uvloop
from arq import Retry, create_pool
from arq.connections import ArqRedis, RedisSettings
from arq.worker import func
from tests.benchmarks.payloads import Lane, Payload
from tests.benchmarks.peers.bucket import AsyncBucket
from tests.benchmarks.peers.client import AsyncClients, pause_s
from tests.benchmarks.peers.publisher import AsyncPublisher, Job, in_chunks
from tests.benchmarks.peers.setup import HIGH_CONCURRENCY, Setup

_QUEUES = {"high": "arq:high", "low": "arq:low"}
_AT_A_TIME = 50

setup = Setup.told()
_REDIS = RedisSettings.from_dsn(setup.broker)
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


async def deliver(ctx: dict[str, Any], path: str, payload: Payload) -> None:
    """Send one job."""
    if ctx["bucket"] is not None:
        await ctx["bucket"].take(path)
    pause = pause_s(await ctx["http"].post(path, payload))
    if pause is not None:
        raise Retry(defer=pause)


async def _connect(ctx: dict[str, Any]) -> None:
    ctx["http"] = AsyncClients(setup)
    ctx["bucket"] = AsyncBucket(setup) if setup.rate else None


def _worker(name: str, lane: Lane, max_jobs: int) -> type:
    # arq looks at what a class has of its own only, so the two can't inherit from each other.
    settings = {
        "functions": [func(deliver, name="deliver", keep_result=0, max_tries=1_000_000)],
        "redis_settings": _REDIS,
        "queue_name": _QUEUES[lane],
        "max_jobs": max_jobs,
        "poll_delay": 0.01,
        "on_startup": _connect,
    }
    return type(name, (), settings)


Low = _worker("Low", "low", setup.concurrency)
High = _worker("High", "high", HIGH_CONCURRENCY)


class _Publisher(AsyncPublisher):
    _pool: ArqRedis

    async def open(self) -> None:
        self._pool = await create_pool(_REDIS)

    async def put(self, job: Job, lane: Lane) -> None:
        # A worker has one queue: without lanes everything is in it.
        queue = _QUEUES[lane if setup.lanes else "low"]
        await self._pool.enqueue_job("deliver", *job, _queue_name=queue)

    async def put_many(self, jobs: Iterable[Job], lane: Lane) -> None:
        for chunk in in_chunks(jobs, _AT_A_TIME):
            await asyncio.gather(*(self.put(job, lane) for job in chunk))


if __name__ == "__main__":
    _Publisher().serve()
