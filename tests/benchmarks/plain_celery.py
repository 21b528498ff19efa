"""The contender: plain Celery on Redis, one message for each job, set up as well as it can be.

A Celery app of its own, `-A tests.benchmarks.plain_celery`; where to send is in the environment.
"""

import os
from itertools import count
from typing import Any

import httpx
from celery import Celery, signals
from celery.exceptions import Reject
from kombu import Queue
from redis import Redis

from onport_worker.delivery.endpoint import HASH_HEADER

QUEUE, TASK = "jobs", "deliver"
BROKER_VARIABLE, ENDPOINT_VARIABLE = "PLAIN_BROKER", "PLAIN_ENDPOINT"
TAKEN = "taken"
"""A counter in Redis that each process raises when it takes the first job of its life."""
VISIBILITY_S = 10
HASH = "plain"


def contender(broker_url: str) -> Celery:
    """Return the app, with the settings that lose least and redeliver soonest."""
    made = Celery("plain", broker=broker_url, set_as_current=False)
    made.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE)],
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "priority_steps": [0],
            # Redelivery as quick as it goes: a sweep every second, and a sweeper that is killed
            # keeps the others from it for five seconds instead of five minutes.
            "visibility_timeout": VISIBILITY_S,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "unacked_mutex_expire": 5,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "health_check_interval": 5,
        },
    )
    return made


app = contender(os.environ.get(BROKER_VARIABLE, "memory://"))
_clients: dict[int, httpx.Client] = {}
_jobs_begun = count()


@signals.worker_init.connect(weak=False)
@signals.worker_process_init.connect(weak=False)
def connect(**_: Any) -> None:
    """Build the process's client before its first job: it takes longer than many a life."""
    headers = {HASH_HEADER: HASH}
    endpoint = os.environ[ENDPOINT_VARIABLE]
    _clients[os.getpid()] = httpx.Client(base_url=endpoint, headers=headers, timeout=30)


@app.task(name=TASK)
def deliver(sale: dict[str, Any]) -> None:
    """Send one job; what is not accepted goes back to the queue."""
    if next(_jobs_begun) == 0:
        _note_first_job()
    try:
        _clients[os.getpid()].post("manual-sale.json", json=sale).raise_for_status()
    except httpx.HTTPError as error:
        # Any other exception is acknowledged, late or not, and the job is gone.
        raise Reject(error, requeue=True) from error


def _note_first_job() -> None:
    with Redis.from_url(os.environ[BROKER_VARIABLE]) as redis:
        redis.incr(TAKEN)
