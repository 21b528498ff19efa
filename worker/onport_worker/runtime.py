"""What a worker process has for one account, built once and started and stopped together."""

import random
import threading
from collections.abc import Iterable, Sequence

from redis.exceptions import RedisError

from onport_producers.wakeup import CeleryWaker
from onport_queue.broker import connect, unreachable, volatility
from onport_queue.clock import SystemClock
from onport_queue.errors import (
    BrokerUnavailableError,
    NewerFormatError,
    SettingsError,
    VolatileBrokerError,
)
from onport_queue.flight import Gate, Prints
from onport_queue.log import Log
from onport_queue.names import Lane
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_worker.delivery.credentials import Credentials
from onport_worker.delivery.endpoint import HttpEndpoint
from onport_worker.delivery.settlement import Patience
from onport_worker.drain import Drain, Limits
from onport_worker.leases import Leases
from onport_worker.look import Look
from onport_worker.observer import Observer
from onport_worker.steps import Steps, unobserved

# Of one call to the broker: what hung with it goes on within the five seconds after its return.
_BROKER_TIMEOUT_S = 2.5
# At the end nobody waits longer for a broker that does not answer.
_LAST_CALL_S = 1.0
_RELEASE_S = 2.0


class Runtime:
    """One account in a worker process: its queue, endpoint, leases, look and drain.

    Args:
        settings: of the account.
        lanes: that the process serves.
        name: of the process.
        share: how many of the process's threads it may use at once. Those of an account whose
            endpoint hangs are taken for half a minute each; the others' are not.
        steps: told of each step of a delivery.
        observer: told what came of it.
    """

    def __init__(
        self,
        settings: Settings,
        lanes: Sequence[Lane],
        name: str,
        *,
        share: int,
        steps: Steps = unobserved,
        observer: Observer | None = None,
    ) -> None:
        """Build everything, start nothing.

        Raises:
            SettingsError: no broker is named.
            BrokerUnavailableError: the broker can't be reached.
            VolatileBrokerError: the broker may forget, and allow_volatile is not set.
            NewerFormatError: a newer release has written the queue.
        """
        url = broker_url(settings)
        redis = connect(url, timeout_s=_BROKER_TIMEOUT_S)
        faults = volatility(redis)
        if faults and not settings.allow_volatile:
            raise VolatileBrokerError("\n".join(faults))
        clock = SystemClock()
        queue = Queue.of(redis, settings)
        self._parting = Queue.of(connect(url, timeout_s=_LAST_CALL_S, retries=0), settings)
        self._clock = clock
        self._log = Log(__name__, account=settings.account)
        waker = CeleryWaker(url)
        self._stopping = threading.Event()
        self._threads = threading.BoundedSemaphore(share)
        try:
            credentials = Credentials(settings, queue.salt())
        except NewerFormatError:
            raise
        except RedisError as error:
            raise BrokerUnavailableError(unreachable(redis, error)) from error
        self._endpoint = HttpEndpoint(settings, credentials)
        self._leases = Leases(queue, clock, settings.lease_s)
        self._name = name
        self._look = Look(queue, waker, lanes, clock, worker=name, prints=credentials.prints)
        self._drain = Drain(
            queue,
            self._endpoint,
            self._leases,
            waker,
            _limits(settings, credentials.prints),
            clock=clock,
            chance=random.SystemRandom(),
            stopping=self._stopping,
            steps=steps,
            observer=observer,
        )

    def start(self) -> None:
        """Start renewing leases."""
        self._leases.start()

    def begin_looking(self) -> None:
        """Start looking for work; from now on this worker counts as alive."""
        self._look.start()

    def drain(self, lane: Lane) -> None:
        """Work one shift for a lane, if the account's share of the threads is not used up."""
        if self._threads.acquire(blocking=False):
            try:
                self._drain.run(lane)
            finally:
                self._threads.release()

    def begin_stop(self) -> None:
        """Claim nothing more; what is on the wire goes on."""
        self._stopping.set()

    def release(self, ends_at_s: float) -> bool:
        """Give back what is not settled, until that monotonic time; return whether all of it was.

        Nothing goes out from now on. What could not be given back comes back by itself when its
        lease expires.
        """
        for one in self._leases.withdraw():
            if self._clock.monotonic_s() > ends_at_s:
                return False
            try:
                self._parting.release(one.lease, sent=one.sent)
            except RedisError as error:
                self._log.error("release_failed", lease=one.lease, error=type(error).__name__)
                return False
            self._log.warning("released", lease=one.lease, sent=one.sent)
        return True

    def stop(self) -> None:
        """Stop everything; call it when no drain runs any more."""
        self.begin_stop()
        self._look.stop()
        try:
            self._parting.leave(self._name)
        except RedisError as error:
            # Then it is missed for a while: `doctor` says that it looks no more.
            self._log.warning("leave_failed", error=type(error).__name__)
        self._leases.stop()
        self._endpoint.close()


def release_all(runtimes: Iterable[Runtime]) -> bool:
    """Give back what is not settled, within two seconds or so; return whether all of it was.

    An account whose broker does not answer keeps none of the others from it.
    """
    ends_at_s = SystemClock().monotonic_s() + _RELEASE_S
    released = [runtime.release(ends_at_s) for runtime in runtimes]
    return all(released)


def served_accounts(settings: Settings) -> tuple[Settings, ...]:
    """Return the settings of each account that a worker can serve: of which it has a hash.

    Raises:
        SettingsError: there is none.
    """
    accounts = (settings.for_account(name) for name in settings.account_names)
    served = tuple(
        account
        for account in accounts
        if any(account.hashes_of(channel) for channel in account.channel_names)
    )
    if not served:
        raise SettingsError(
            "webhook_hash: missing; set ONPORT_RELAY_WEBHOOK_HASH to the custom channel's hash"
        )
    return served


def broker_url(settings: Settings) -> str:
    """Return the broker's address. Raises SettingsError if there is none."""
    if settings.redis_url is None:
        raise SettingsError("redis_url: missing; set ONPORT_RELAY_REDIS_URL")
    return settings.redis_url


def _limits(settings: Settings, prints: Prints) -> Limits:
    return Limits(
        gate=Gate(
            rate=settings.rate,
            low_lane_share=settings.low_lane_share,
            batch_items=settings.batch_items,
            batch_bytes=settings.batch_bytes,
            lease_ms=round(settings.lease_s * 1000),
            prints=prints,
        ),
        patience=Patience(settings.max_attempts, round(settings.max_age_hours * 3_600_000)),
        connect_timeout_s=settings.connect_timeout_s,
    )
