"""One run of plain Celery: its jobs, its workers, and what the broker still holds."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Hashable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from redis import Redis
from tests.benchmarks import plain_celery

from onport_queue.clock import Clock
from onport_sandbox import SandboxProcess
from onport_worker.embedded.leash import Leash

POOLS = {"threads": 16, "prefork": 4}
"""Each pool, and how many jobs its workers send at a time."""

_ROOT = Path(__file__).parents[2]
_AT_A_TIME = 500
_LOOK_S = 0.5
# Longer than anything that was taken stays away.
_QUIET_S = plain_celery.VISIBILITY_S + 5.0


class CeleryRun:
    """Plain Celery with one of its pools, as a kill schedule needs it."""

    def __init__(
        self, pool: str, broker_url: str, sandbox: SandboxProcess, log: Path, clock: Clock
    ) -> None:
        self._pool = pool
        self._url = broker_url
        self._sandbox = sandbox
        self._log = log
        self._clock = clock
        self._redis = Redis.from_url(broker_url)

    def publish(self, jobs: int) -> None:
        """Publish a message for each job; once this returns, the broker has them all."""
        app = plain_celery.contender(self._url)
        with app.amqp.producer_pool.acquire(block=True) as producer:
            for first in range(0, jobs, _AT_A_TIME):
                numbers = range(first, min(jobs, first + _AT_A_TIME))
                with producer.batch(max_size=_AT_A_TIME):  # type: ignore[attr-defined]  # new
                    for number in numbers:
                        app.send_task(plain_celery.TASK, (_sale(number),), producer=producer)
        assert self.waiting() == jobs

    @contextmanager
    def worker(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run one; it ends with this process, too."""
        leash = Leash()
        with self._log.open("ab") as log:
            worker = subprocess.Popen(
                _command(self._pool),
                cwd=_ROOT,
                env=os.environ | self._environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(leash.fd,),
            )
        leash.tie(worker.pid)
        try:
            yield worker
        finally:
            worker.terminate()
            worker.wait()
            leash.drop()

    def taken(self) -> int:
        """Return how many processes have taken the first job of their life."""
        return int(cast("bytes | None", self._redis.get(plain_celery.TAKEN)) or 0)

    def flights(self) -> Set[Hashable]:
        """Return each message that is unacknowledged, with the moment it was taken."""
        found = self._redis.zrange("unacked_index", 0, -1, withscores=True)
        return frozenset(cast("list[tuple[bytes, float]]", found))

    def waiting(self) -> int:
        """Return how many messages nobody has taken."""
        return int(self._redis.llen(plain_celery.QUEUE))

    def held(self) -> int:
        """Return how many messages the broker still holds, waiting or unacknowledged."""
        return self.waiting() + int(self._redis.hlen("unacked"))

    def drain(self, within_s: float) -> bool:
        """Let a last worker work until the broker holds nothing and nothing arrives any more.

        Returns:
            Whether that was so before the time was up.
        """
        now_s = self._clock.monotonic_s()
        ends_at, last, since = now_s + within_s, -1, now_s
        with self.worker():
            while now_s < ends_at:
                arrived = self._sandbox.stats().applied_items
                if arrived != last or self.held():
                    last, since = arrived, now_s
                elif now_s - since > _QUIET_S:
                    return True
                self._clock.wait(threading.Event(), _LOOK_S)
                now_s = self._clock.monotonic_s()
        return False

    def arrivals(self) -> Counter[str]:
        """Return how often each job has arrived."""
        return Counter(
            item.key or "?"
            for receipt in self._sandbox.receipts()
            if receipt.applied
            for item in receipt.items
        )

    def _environment(self) -> dict[str, str]:
        return {
            plain_celery.BROKER_VARIABLE: self._url,
            plain_celery.ENDPOINT_VARIABLE: self._sandbox.url,
        }


def _command(pool: str) -> list[str]:
    options = f"-P {pool} -c {POOLS[pool]} -l ERROR"
    return [
        *(sys.executable, "-m", "celery", "-A", "tests.benchmarks.plain_celery", "worker"),
        *options.split(),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def _sale(number: int) -> dict[str, object]:
    key = f"job-{number}"
    return {
        "externalId": key,
        "saleDefaults": {"reference": key},
        "lineItems": [],
        "note": "x" * 200,
    }
