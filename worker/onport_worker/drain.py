"""A drain: claim, send, settle, again, until the lane is empty or its shift is over."""

import random
import secrets
import threading
from dataclasses import dataclass
from typing import assert_never

from redis.exceptions import RedisError
from tenacity import Retrying, retry_if_exception, wait_random_exponential

from onport_producers.wakeup import Waker
from onport_queue.broker import may_pass
from onport_queue.clock import Clock
from onport_queue.flight import (
    Claim,
    Empty,
    Fenced,
    Gate,
    Granted,
    Paused,
    Settled,
    Wait,
)
from onport_queue.log import Log, frames_of
from onport_queue.names import Lane
from onport_queue.store import Queue
from onport_worker.delivery.endpoint import Endpoint
from onport_worker.delivery.outcome import Ambiguous, Outcome, Unsendable, Withheld
from onport_worker.delivery.request import Request, compose
from onport_worker.delivery.settlement import Patience, settlement_of
from onport_worker.delivery.telling import tell_events, tell_settled
from onport_worker.leases import Leases
from onport_worker.observer import Delivery, Loss, Nobody, Observer
from onport_worker.steps import Step, Steps, unobserved
from onport_worker.turnstile import Turn, Turnstile

# Leases that are lost together tell by it that they were in company; see landing.lua.
_PROCESS = secrets.token_hex(4)

SHIFT_S = 10.0
# A drain waits out a pause this short; from longer ones the look of some worker wakes the lane.
SHORT_PAUSE_S = 1.0
# However far away the next token is: an operator's new rate is in force within a second.
LONGEST_WAIT_S = 1.0
# Once the connection is open, what is left of the lease must cover the writing of the request.
WRITING_S = 1.0


def _broker_is_away(error: BaseException) -> bool:
    return isinstance(error, RedisError) and may_pass(error)


# A delivered request is not forgotten while the broker is away, however long: back again it gives
# every lease a fresh term, and whether ours is still good it knows best. Repeating a settle is
# harmless. A worker that is to stop ends it in time (shutdown.py).
_UNTIL_TOLD = Retrying(
    retry=retry_if_exception(_broker_is_away),
    wait=wait_random_exponential(multiplier=0.05, max=1),
    reraise=True,
)


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
        steps: Steps = unobserved,
        observer: Observer | None = None,
    ) -> None:
        self._queue = queue
        self._log = Log(__name__, account=queue.account)
        self._endpoint = endpoint
        self._leases = leases
        self._waker = waker
        self._limits = limits
        self._clock = clock
        self._chance = chance
        self._stopping = stopping
        self._steps = steps
        self._observer = observer or Nobody()
        self._turnstiles = {lane: Turnstile(clock) for lane in Lane}

    def run(self, lane: Lane) -> None:
        """Work one shift for a lane."""
        # Drains begin together; did they end together, too, the rate would not be used meanwhile.
        ends_at = self._clock.monotonic_s() + self._chance.uniform(SHIFT_S / 2, SHIFT_S)
        turnstile = self._turnstiles[lane]
        turnstile.arrive()
        while granted := self._next(lane, ends_at):
            try:
                if granted.more and turnstile.another_wanted():
                    self._waker.wake(self._queue.account, lane)
                self.deliver(granted)
            except Exception:
                # A defect. Renewed for ever, the lease would keep these jobs from everybody.
                self._leases.drop(granted.lease)
                raise
        if self._clock.monotonic_s() >= ends_at and not self._stopping.is_set():
            self._waker.wake(self._queue.account, lane)

    def deliver(self, granted: Granted) -> None:
        """Send a granted batch and settle it."""
        self._steps(Step.CLAIMED)
        began_s = self._clock.monotonic_s()
        outcome = self._outcome_of(granted)
        seconds = self._clock.monotonic_s() - began_s
        if isinstance(outcome, Withheld):
            self._withhold(granted.lease)
            return
        self._steps(Step.ANSWERED)
        settlement = settlement_of(
            outcome, granted.items, self._limits.patience, self._clock.wall(), self._chance
        )
        delivery = Delivery(granted, outcome, settlement, seconds)
        self._observer.answered(delivery)
        self._settle(delivery)

    def _outcome_of(self, granted: Granted) -> Outcome | Withheld:
        try:
            request = compose(granted)
        except Exception as error:  # noqa: BLE001 - whatever a payload does to us is its outcome
            return Unsendable(type(error).__name__)
        if self._leases.left_s(granted.lease) <= self._limits.connect_timeout_s:
            # Stopped or starved between claim and send: by the time the request went out, somebody
            # else might be sending it too.
            return Withheld()
        return self._sent(granted.lease, request)

    def _sent(self, lease: str, request: Request) -> Outcome | Withheld:
        try:
            return self._endpoint.send(request, _LeasedWire(lease, self._leases, self._steps))
        except Exception as error:  # noqa: BLE001 - failures of the wire are outcomes; this is a defect
            # Its text may hold what was sent.
            name, at = type(error).__name__, frames_of(error)
            self._log.error("send_failed", lease=lease, error=name, at=at)
            return Ambiguous(name)

    def _withhold(self, lease: str) -> None:
        self._log.warning("send_fenced", lease=lease)
        self._observer.lost(Loss.BEFORE_SENDING)
        try:
            # What is still ours goes back at once; what is not is fenced there.
            if self._leases.left_s(lease) > 0:
                self._queue.release(lease, sent=False)
        except RedisError as error:
            self._log.warning("release_failed", lease=lease, error=type(error).__name__)
        finally:
            self._leases.drop(lease)

    def _next(self, lane: Lane, ends_at: float) -> Granted | None:
        with Turn(self._turnstiles[lane]) as turn:
            while turn.may_ask(ends_at - self._clock.monotonic_s()) and not self._stopping.is_set():
                began = self._clock.monotonic_s()
                if began >= ends_at:
                    return None
                claim = self._claim(lane, began)
                self._observer.asked(lane, claim)
                match claim:
                    case Granted() as granted:
                        return granted
                    case Wait(seconds):
                        longest = min(LONGEST_WAIT_S, ends_at - began)
                        if turn.may_wait():
                            self._clock.wait(self._stopping, min(seconds, longest))
                    case Paused(seconds):
                        if seconds is None or seconds > SHORT_PAUSE_S:
                            return None
                        if turn.may_wait():
                            self._clock.wait(self._stopping, seconds)
                    case Empty() | None:
                        return None
                    case _:
                        assert_never(claim)
        return None

    def _claim(self, lane: Lane, began_s: float) -> Claim | None:
        lease = f"{_PROCESS}:{secrets.token_hex(8)}"
        try:
            with self._leases.asking(lease):
                claim = self._queue.claim(lane, self._limits.gate, lease)
                if isinstance(claim, Granted):
                    self._leases.hold(lease, began_s)
                return claim
        except RedisError as error:
            # The look wakes the lane again when the broker is back.
            self._log.warning("claim_failed", lane=lane.value, error=type(error).__name__)
            return None

    def _settle(self, delivery: Delivery) -> None:
        lease, settlement = delivery.granted.lease, delivery.settlement
        try:
            settled = _UNTIL_TOLD(self._queue.settle, lease, settlement)
        except RedisError as error:
            self._log.error("settle_failed", lease=lease, error=type(error).__name__)
            return
        finally:
            self._leases.drop(lease)
        match settled:
            case Settled(wake, events):
                self._observer.settled(delivery)
                for lane in wake:
                    self._waker.wake(self._queue.account, lane)
                tell_settled(self._log, delivery.granted, settlement)
                tell_events(self._log, events)
            case Fenced():
                self._observer.lost(Loss.BEFORE_SETTLING)
                self._log.warning("settle_fenced", lease=lease)
            case _:
                assert_never(settled)
        self._steps(Step.SETTLED)


class _LeasedWire:
    """Lets a request out while its lease is surely ours."""

    def __init__(self, lease: str, leases: Leases, steps: Steps) -> None:
        self._lease = lease
        self._leases = leases
        self._steps = steps
        self._has_begun = False

    def may_go_on(self) -> bool:
        """Return whether the lease outlasts the writing; from here on the request may be out."""
        self._steps(Step.HALF_SENT if self._has_begun else Step.SENDING)
        self._has_begun = True
        if self._leases.left_s(self._lease) <= WRITING_S:
            return False
        self._leases.note_sent(self._lease)
        return True

    def has_gone(self) -> None:
        """Hear that the request is out."""
        self._steps(Step.SENT)
