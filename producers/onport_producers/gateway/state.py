"""The state of the queue and of this host's spool, looked at when Prometheus asks.

However often that is, each is looked at once a second at most, and for a bounded time.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from pydantic import ValidationError
from redis.exceptions import RedisError

from onport_producers.errand import Errands
from onport_producers.gateway import queue_figures, spool_figures
from onport_producers.gateway.queue_figures import Seen
from onport_producers.gateway.spool_figures import Kept
from onport_producers.spool import Spool
from onport_queue.broker import connect
from onport_queue.clock import Clock
from onport_queue.errors import RelayError, SettingsError
from onport_queue.settings import Settings
from onport_queue.store import Queue

# Prometheus gives up after ten seconds: the looks at queue and spool follow each other.
_BOUND_S = 2.5
_KEPT_S = 1.0

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class _Account:
    settings: Settings
    channels: Sequence[str]
    queue: Queue


class QueueState(Collector):
    """What the queue holds, of every account; while it can't be read, that and nothing else.

    Raises:
        SettingsError: no broker is named.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        if settings.redis_url is None:
            raise SettingsError("redis_url: missing; set ONPORT_RELAY_REDIS_URL")
        redis = connect(settings.redis_url, timeout_s=_BOUND_S, retries=0)
        self._accounts = [
            _Account(
                own := settings.for_account(name),
                settings.channels_of(name),
                Queue.of(redis, own),
            )
            for name in settings.account_names
        ]
        self._look = _Look(self._seen, clock)

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        seen = self._look.found()
        yield _whether("broker_up", "1 while the broker answers and can be read.", seen)
        if seen is not None:
            yield from queue_figures.families(seen)

    def _seen(self) -> Sequence[Seen]:
        return [Seen(each.settings, each.channels, each.queue.stats()) for each in self._accounts]


class SpoolState(Collector):
    """What the spool holds, of every account; while it can't be read, that and nothing else."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        accounts = [settings.for_account(name) for name in settings.account_names]
        self._spools = [(account.account, Spool.of(account, clock)) for account in accounts]
        self._most_mb = settings.spool_mb
        self._clock = clock
        self._look = _Look(self._kept, clock)

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        kept = self._look.found()
        yield _whether("spool_readable", "1 while this host's spool can be read.", kept)
        if kept is not None:
            now = self._clock.wall()
            yield from spool_figures.families(kept, most_mb=self._most_mb, now=now)

    def _kept(self) -> Sequence[Kept]:
        return [Kept(account, spool.contents()) for account, spool in self._spools]


class _Look(Generic[_Found]):
    """What was found by the last look, or nothing."""

    def __init__(self, look: Callable[[], _Found], clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._errands = Errands()
        self._turn = threading.Lock()
        self._found: _Found | None = None
        self._until_s = float("-inf")

    def found(self) -> _Found | None:
        with self._turn:
            if self._clock.monotonic_s() >= self._until_s:
                self._found = self._looked()
                self._until_s = self._clock.monotonic_s() + _KEPT_S
            return self._found

    def _looked(self) -> _Found | None:
        try:
            return self._errands.run(self._look, bound_s=_BOUND_S)
        except (RedisError, RelayError, ValidationError):
            # Told as a figure, and by those who need what can't be had.
            return None


def _whether(name: str, text: str, found: object) -> Metric:
    return GaugeMetricFamily(f"onport_relay_{name}", text, value=float(found is not None))
