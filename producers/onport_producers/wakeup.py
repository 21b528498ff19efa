"""Waking the workers: a Celery message that says "there is work" and nothing else.

Best effort, bounded to a tenth of a second: a lost wake-up costs a second, since every worker looks
for work by itself.
"""

import os
from functools import cache, cached_property
from typing import Protocol

from celery import Celery
from kombu.pools import ProducerPool

from onport_producers.forks import ForkSafeLock
from onport_queue.log import Log
from onport_queue.names import CELERY_KEY_PREFIX, DRAIN_TASK, Lane

_log = Log(__name__)
_BOUND_S = 0.1
_CONNECTIONS = 3
"""Three handles each, in every process of a shop; a wake-up that gets none in time is not sent."""


class Waker(Protocol):
    """Tells the workers of a lane that there is work."""

    def wake(self, account: str, lane: Lane) -> None:
        """Wake one drain. Never raises, never takes longer than a tenth of a second or two."""


class CeleryWaker:
    """Publishes the drain task; safe in threads and after a fork."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._lock = ForkSafeLock()
        self._app: Celery | None = None
        self._pid = 0
        _import_what_publishing_needs(redis_url)

    def wake(self, account: str, lane: Lane) -> None:
        """Publish a wake-up for the lane's queue."""
        try:
            self._celery().send_task(
                DRAIN_TASK, (account, lane.value), queue=lane.value, argsrepr="-", kwargsrepr="-"
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not fail a put
            # The job is safe in the queue; a worker finds it within a second.
            _log.warning(
                "wakeup_failed", account=account, lane=lane.value, error=type(error).__name__
            )

    def _celery(self) -> Celery:
        with self._lock:
            if self._app is None or self._pid != os.getpid():
                self._app, self._pid = _publisher(self._redis_url), os.getpid()
            return self._app


class _Publisher(Celery):
    """An app whose connections no other app of the process knows of.

    Celery takes them from kombu's pools, which have one limit for all apps: the shop's would have
    ours.
    """

    @cached_property
    def producer_pool(self) -> ProducerPool:
        connections = self.connection_for_write().Pool(limit=_CONNECTIONS)
        return ProducerPool(connections, limit=_CONNECTIONS)


@cache
def _import_what_publishing_needs(redis_url: str) -> None:
    # Celery imports most of itself when it is first used, and that is in a thread. Forked in the
    # middle of it, a child would have half a module for good.
    app = _publisher(redis_url)
    _ = app.backend, app.amqp.queues, app.Task, app.events.Dispatcher, app.events.Receiver
    with app.connection_for_write() as connection:
        _ = connection.transport
    "localhost".encode("idna")  # as the look-up of a host's name does


def _publisher(redis_url: str) -> Celery:
    # set_as_current=False: a shop's own Celery app stays the current one.
    app = _Publisher("onport_relay_wakeup", broker=redis_url, set_as_current=False)
    app.conf.update(
        task_publish_retry=False,
        task_ignore_result=True,
        task_serializer="json",
        task_send_sent_event=False,
        broker_pool_acquire_timeout=_BOUND_S,
        # All four together bound a publish into a refused or a hung broker; any three do not.
        broker_transport_options={
            "socket_timeout": _BOUND_S,
            "socket_connect_timeout": _BOUND_S,
            "max_retries": 0,
            "priority_steps": [0],
            "global_keyprefix": CELERY_KEY_PREFIX,
        },
    )
    return app
