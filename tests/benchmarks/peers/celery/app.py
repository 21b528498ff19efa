"""Plain Celery: a message for each job. `celery -A tests.benchmarks.peers.celery.app worker`.

How it is set up, and why:

- Threads pool: the work is waiting for an endpoint. (`celery-prefork` is the default pool instead.)
- `acks_late` and `reject_on_worker_lost`: a job that is lost with its worker is an order.
- Results are ignored, JSON, no remote control, no gossip, mingle and heartbeat, as the guide
  "Optimizing" advises for throughput; prefetch 64 for each thread, as the same guide advises for
  many short tasks, but the default of 4 under a rate, and 1 where new sales must go first.
- Rate, `celery`: `rate_limit` of the task. It is each worker's own, so there is one worker process,
  and its pool is gevent. Each fetched message that has to wait has a timer of its own, and the loop
  of the other pools runs ten of them a turn, with up to a second between two turns: at R = 20 and
  500 ms threads used 0.30 of the rate, prefork 0.40, gevent 0.96. The prefetch is the default of 4
  for each greenlet: 1 used half of that, and 16, 64, 256 and none as much or less, for more time of
  the processor.
- Rate, `celery-bucket`: a bucket in Redis shared by all workers (peers/bucket.py). A task waits for
  its token in the thread that will use it: handing it back (`retry`) would publish it anew for each
  refusal, and messages with a countdown gather in the memory of one worker.
- New sales first, `celery`: two queues and one worker that takes from `high` first
  (`queue_order_strategy: priority`), since two workers would have a limit each.
  `celery-bucket`: a queue and a worker for each, one bucket.
- A 429 is retried after what Retry-After says, without an end.
"""

import os
from collections.abc import Iterable
from typing import Any

from celery import Celery, Task, signals
from kombu import Queue
from tests.benchmarks.payloads import Lane, Payload
from tests.benchmarks.peers.bucket import Bucket
from tests.benchmarks.peers.client import Clients, pause_s
from tests.benchmarks.peers.publisher import Job, Publisher, in_chunks
from tests.benchmarks.peers.setup import Setup

_AT_A_TIME = 500
LIMITER = "BENCH_LIMITER"

setup = Setup.told()
_has_bucket = os.environ[LIMITER] == "bucket"
_limit = f"{setup.rate:g}/s" if setup.rate and not _has_bucket else None

app = Celery("peer", broker=setup.broker, set_as_current=False)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_queues=[Queue("high"), Queue("low")],
    task_default_queue="low",
    worker_prefetch_multiplier=1 if setup.lanes else 4 if setup.rate else 64,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"queue_order_strategy": "priority", "priority_steps": [0]},
)

_clients: dict[int, Clients] = {}
_buckets: dict[int, Bucket] = {}


@signals.worker_init.connect(weak=False)
@signals.worker_process_init.connect(weak=False)
def connect(**_: Any) -> None:
    """Connect once in each process."""
    _clients[os.getpid()] = Clients(setup)
    if setup.rate and _has_bucket:
        _buckets[os.getpid()] = Bucket(setup)


@app.task(name="deliver", bind=True, rate_limit=_limit, max_retries=None)
def deliver(self: "Task[Any, Any]", path: str, payload: Payload) -> None:
    """Send one job."""
    bucket = _buckets.get(os.getpid())
    if bucket is not None:
        bucket.take(path)
    pause = pause_s(_clients[os.getpid()].post(path, payload))
    if pause is not None:
        raise self.retry(countdown=pause)


class _Publisher(Publisher):
    def one(self, job: Job, lane: Lane) -> None:
        deliver.apply_async(job, queue=lane)

    def many(self, jobs: Iterable[Job], lane: Lane) -> None:
        with app.amqp.producer_pool.acquire(block=True) as producer:
            for chunk in in_chunks(jobs, _AT_A_TIME):
                with producer.batch(max_size=_AT_A_TIME):  # type: ignore[attr-defined]  # new
                    for job in chunk:
                        deliver.apply_async(job, queue=lane, producer=producer)


if __name__ == "__main__":
    _Publisher().serve()
