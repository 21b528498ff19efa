"""A drain: claim, send, settle, again, until the lane is empty or its shift is over."""

import logging
import random
import secrets
import threading
from dataclasses import dataclass
from typing import assert_never

from redis.exceptions import RedisError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from onport_producers.wakeup import Waker
from onport_queue.clock import Clock
from onport_queue.events import Event
from onport_queue.flight import Empty, Fenced, Gate, Granted, Paused, Settled, Settlement, Wait
from onport_queue.names import Lane
from onport_queue.store import Queue
from onport_worker.delivery.endpoint import Endpoint
from onport_worker.delivery.request import compose
from onport_worker.delivery.settlement import Patience, settlement_of
from onport_worker.leases import Leases
from onport_worker.turnstile import Turnstile

_log = logging.getLogger(__name__)

SHIFT_S = 10.0
# A drain waits out a pause this short; from longer ones the look of some worker wakes the lane.
SHORT_PAUSE_S = 1.0
# However far away the next token is: an operator's new rate is in force within a second.
LONGEST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a drain keeps to."""

    gate: Gate
    patience: Patience
    connect_timeout_s: float


class Drain:
    """Drains the lanes of one account in this process; many threads may run it at once."""

    def __init__(
        self,
        queue: Queue,
        endpoint: Endpoint,
        leases: Leases,
        waker: Waker,
        limits: Limits,
        *,
        clock: Clock,
        chance: random.Random,
        stopping: threading.Event,
    ) -> None:
        self._queue = queue
        self._endpoint = endpoint
        self._leases = leases
        self._waker = waker
        self._limits = limits
        self._clock = clock
        self._chance = chance
        self._stopping = stopping
        self._turnstiles = {lane: Turnstile(clock) for lane in Lane}

    def run(self, lane: Lane) -> None:
        """Work one shift for a lane."""
        ends_at = self._clock.monotonic_s() + SHIFT_S
        turnstile = self._turnstiles[lane]
        turnstile.arrive()
        while granted := self._next(lane, ends_at):
            if granted.more and turnstile.another_wanted():
                self._waker.wake(self._queue.account, lane)
            self.deliver(granted)
        if self._clock.monotonic_s() >= ends_at and not self._stopping.is_set():
            self._waker.wake(self._queue.account, lane)

    def deliver(self, granted: Granted) -> None:
        """Send a granted batch and settle it."""
        if self._leases.left_s(granted.lease) <= self._limits.connect_timeout_s:
            # Stopped or starved between claim and send: by the time the request went out, somebody
            # else might be sending it too. The lease expires and gives the jobs back.
            self._leases.drop(granted.lease)
            _log.warning("send_fenced lease=%s", granted.lease)
            return
        outcome = self._endpoint.send(compose(granted))
        settlement = settlement_of(
            outcome, granted.items, self._limits.patience, self._clock.wall(), self._chance
        )
        self._settle(granted.lease, settlement)

    def _next(self, lane: Lane, ends_at: float) -> Granted | None:
        left = ends_at - self._clock.monotonic_s()
        with self._turnstiles[lane].turn(left) as admitted:
            while admitted and not self._stopping.is_set():
                began = self._clock.monotonic_s()
                if began >= ends_at:
                    return None
                lease = secrets.token_hex(8)
                match self._queue.claim(lane, self._limits.gate, lease):
                    case Granted() as granted:
                        self._leases.hold(lease, began)
                        return granted
                    case Wait(seconds):
                        longest = min(LONGEST_WAIT_S, ends_at - began)
                        self._clock.wait(self._stopping, min(seconds, longest))
                    case Paused(seconds):
                        if seconds is None or seconds > SHORT_PAUSE_S:
                            return None
                        self._clock.wait(self._stopping, seconds)
                    case Empty():
                        return None
                    case _ as claim:
                        assert_never(claim)
        return None

    def _settle(self, lease: str, settlement: Settlement) -> None:
        try:
            # A delivered request is not forgotten over a reconnect: settling is tried again for as
            # long as the lease is ours, and repeating it is harmless (the lease fences it).
            for attempt in self._within(self._leases.left_s(lease)):
                with attempt:
                    settled = self._queue.settle(lease, settlement)
        except RedisError as error:
            _log.error("settle_failed lease=%s error=%s", lease, type(error).__name__)
            return
        finally:
            self._leases.drop(lease)
        match settled:
            case Settled(wake, events):
                for lane in wake:
                    self._waker.wake(self._queue.account, lane)
                for event in events:
                    _log.warning("%s %s", event.name, _facts(event))
            case Fenced():
                _log.warning("settle_fenced lease=%s", lease)
            case _:
                assert_never(settled)

    def _within(self, seconds: float) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(RedisError),
            stop=stop_after_delay(max(0.0, seconds)),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            reraise=True,
        )


def _facts(event: Event) -> str:
    return " ".join(f"{fact}={value}" for fact, value in event.facts().items())
