"""taskiq on Redis streams. `taskiq worker tests.benchmarks.peers.taskiq.app:low`.

How it is set up, and why:

- `RedisStreamBroker`: the one of taskiq-redis that acknowledges; no result backend. Its group reads
  from the start of the stream, since jobs are published before the first worker runs.
- One worker process is one event loop, on uvloop (extra `uv`); its clients are made at
  WORKER_STARTUP.
- Rate: taskiq has none. A bucket in Redis shared by all workers (peers/bucket.py); a task waits for
  its token in its own slot.
- New sales first: a stream and a worker for each lane.
- A 429 is waited out in the slot and sent again: taskiq retries at once, or by a scheduler process
  that looks once a second.
"""

import asyncio
from collections.abc import Iterable

from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker
from tests.benchmarks.payloads import Lane, Payload
from tests.benchmarks.peers.bucket import AsyncBucket
from tests.benchmarks.peers.client import AsyncClients, pause_s
from tests.benchmarks.peers.publisher import AsyncPublisher, Job, in_chunks
from tests.benchmarks.peers.setup import Setup

_AT_A_TIME = 50

setup = Setup.told()
high, low = (
    RedisStreamBroker(setup.broker, queue_name=lane, consumer_id="0") for lane in ("high", "low")
)
_clients: list[AsyncClients] = []
_buckets: list[AsyncBucket] = []


@high.on_event(TaskiqEvents.WORKER_STARTUP)
@low.on_event(TaskiqEvents.WORKER_STARTUP)
async def connect(_: TaskiqState) -> None:
    """Connect once in each process."""
    _clients.append(AsyncClients(setup))
    if setup.rate:
        _buckets.append(AsyncBucket(setup))


async def _deliver(path: str, payload: Payload) -> None:
    while True:
        for bucket in _buckets:
            await bucket.take(path)
        pause = pause_s(await _clients[0].post(path, payload))
        if pause is None:
            return
        await asyncio.sleep(pause)


_tasks = {
    "high": high.register_task(_deliver, task_name="deliver"),
    "low": low.register_task(_deliver, task_name="deliver"),
}


class _Publisher(AsyncPublisher):
    async def open(self) -> None:
        await high.startup()
        await low.startup()

    async def put(self, job: Job, lane: Lane) -> None:
        # A worker has one stream: without lanes everything is in it.
        await _tasks[lane if setup.lanes else "low"].kiq(*job)

    async def put_many(self, jobs: Iterable[Job], lane: Lane) -> None:
        for chunk in in_chunks(jobs, _AT_A_TIME):
            await asyncio.gather(*(self.put(job, lane) for job in chunk))


if __name__ == "__main__":
    _Publisher().serve()
