"""The contender: plain Celery on Redis, one message for each job, set up as well as it can be.

A Celery app of its own, `-A tests.benchmarks.plain_celery`; where to send is in the environment.
"""

import os

import httpx
from celery import Celery
from kombu import Queue

from onport_worker.delivery.endpoint import HASH_HEADER

QUEUE, TASK = "jobs", "deliver"
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
            # Redelivery as quick as it goes: a sweep every second.
            "visibility_timeout": VISIBILITY_S,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "health_check_interval": 5,
        },
    )
    return made


app = contender(os.environ.get("PLAIN_BROKER", "memory://"))
_clients: dict[int, httpx.Client] = {}


@app.task(name=TASK)
def deliver(job: str) -> None:
    """Send one job; whatever is not accepted is tried again by Celery."""
    client = _clients.setdefault(os.getpid(), httpx.Client(base_url=os.environ["PLAIN_ENDPOINT"]))
    answer = client.post(
        "manual-sale.json", json={"externalId": job, "lineItems": []}, headers={HASH_HEADER: HASH}
    )
    answer.raise_for_status()
