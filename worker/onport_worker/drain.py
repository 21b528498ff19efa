"""A drain: claim, send, settle, again, until the lane is empty or its shift is over."""

import random
import secrets
import threading
from contextlib import closing
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
        granted = self._next(lane, ends_at)
        while granted:
            try:
                if granted.more and turnstile.another_wanted():
                    self._waker.wake(self._queue.account, lane)
                delivery = self._answered(granted)
                claim = self._settle_and_claim(delivery, lane, ends_at) if delivery else None
            except Exception:
                # A defect. Renewed for ever, the lease would keep these jobs from everybody.
                self._leases.drop(granted.lease)
                raise
            granted = self._next(lane, ends_at, claim)
        if self._clock.monotonic_s() >= ends_at and not self._stopping.is_set():
            self._waker.wake(self._queue.account, lane)

    def deliver(self, granted: Granted) -> None:
        """Send a granted batch and settle it."""
        if delivery := self._answered(granted):
            self._settle(delivery)

    def _answered(self, granted: Granted) -> Delivery | None:
        self._steps(Step.CLAIMED)
        began_s = self._clock.monotonic_s()
        outcome = self._outcome_of(granted)
        seconds = self._clock.monotonic_s() - began_s
        if isinstance(outcome, Withheld):
            self._withhold(granted.lease)
            return None
        self._steps(Step.ANSWERED)
        settlement = settlement_of(
            outcome, granted.items, self._limits.patience, self._clock.wall(), self._chance
        )
        delivery = Delivery(granted, outcome, settlement, seconds)
        self._observer.answered(delivery)
        return delivery

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
        self._give_back(lease)

    def _give_back(self, lease: str) -> None:
        try:
            # What is still ours goes back at once; what is not is fenced there. Whether it is, the
            # queue knows best: asked twice, it may have granted it after our term.
            self._queue.release(lease, sent=False)
        except RedisError as error:
            self._log.warning("release_failed", lease=lease, error=type(error).__name__)
        finally:
            self._leases.drop(lease)

    def _next(self, lane: Lane, ends_at: float, claim: Claim | None = None) -> Granted | None:
        """Return what is granted next, or None to end the shift; `claim` was answered just now."""
        with closing(Turn(self._turnstiles[lane])) as turn:
            while claim or turn.may_ask(ends_at - self._clock.monotonic_s()):
                left = ends_at - self._clock.monotonic_s()
                if not claim and (left <= 0 or self._stopping.is_set()):
                    return None
                match claim or self._claim(lane):
                    case Granted() as granted:
                        return granted
                    case Wait(seconds):
                        if turn.may_wait():
                            self._clock.wait(self._stopping, min(seconds, LONGEST_WAIT_S, left))
                    case Paused(seconds):
                        if seconds is None or seconds > SHORT_PAUSE_S:
                            return None
                        if turn.may_wait():
                            self._clock.wait(self._stopping, seconds)
                    case Empty() | None:
                        return None
                    case never:
                        assert_never(never)
                claim = None
        return None

    def _claim(self, lane: Lane) -> Claim | None:
        lease, began_s = _new_lease(), self._clock.monotonic_s()
        try:
            with self._leases.asking(lease):
                claim = self._queue.claim(lane, self._limits.gate, lease)
                self._note_claim(lane, lease, claim, began_s)
        except RedisError as error:
            # The look wakes the lane again when the broker is back.
            self._observer.asked(lane, None)
            self._log.warning("claim_failed", lane=lane.value, error=type(error).__name__)
            return None
        return claim

    def _note_claim(self, lane: Lane, lease: str, claim: Claim, began_s: float) -> None:
        self._observer.asked(lane, claim)
        if isinstance(claim, Granted):  # last: a defect before leaves it to expire
            self._leases.hold(lease, began_s)

    def _settle_and_claim(self, delivery: Delivery, lane: Lane, ends_at: float) -> Claim | None:
        """Settle, and claim at the same time unless there is no use in it; then return None."""
        began_s = self._clock.monotonic_s()
        awaited = self._turnstiles[lane].gate.locked()
        if awaited or began_s >= ends_at or self._stopping.is_set():
            self._settle(delivery)
            return None
        ours, lease = delivery.granted.lease, _new_lease()
        try:
            with self._leases.asking(lease):
                settled, claim = self._queue.settle_and_claim(
                    ours, delivery.settlement, lane, self._limits.gate, lease
                )
                self._note_claim(lane, lease, claim, began_s)
        except RedisError:
            # It may have been done. To settle again is harmless, and what was claimed is released.
            self._settle(delivery)
            return None
        self._leases.drop(ours)
        try:
            self._note_settled(delivery, settled)
        except Exception:
            self._give_back(lease)  # nobody here will send what was claimed
            raise
        return claim

    def _settle(self, delivery: Delivery) -> None:
        lease = delivery.granted.lease
        try:
            settled = _UNTIL_TOLD(self._queue.settle, lease, delivery.settlement)
        except RedisError as error:
            self._log.error("settle_failed", lease=lease, error=type(error).__name__)
            return
        finally:
            self._leases.drop(lease)
        self._note_settled(delivery, settled)

    def _note_settled(self, delivery: Delivery, settled: Settled | Fenced) -> None:
        match settled:
            case Settled(wake, events):
                self._observer.settled(delivery)
                for lane in wake:
                    self._waker.wake(self._queue.account, lane)
                tell_settled(self._log, delivery.granted, delivery.settlement)
                tell_events(self._log, events)
            case Fenced():
                self._observer.lost(Loss.BEFORE_SETTLING)
                self._log.warning("settle_fenced", lease=delivery.granted.lease)
            case _:
                assert_never(settled)
        self._steps(Step.SETTLED)


def _new_lease() -> str:
    return f"{_PROCESS}:{secrets.token_hex(8)}"


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
        return self._leases.let_out(self._lease, WRITING_S)

    def has_gone(self) -> None:
        """Hear that the request is out."""
        self._steps(Step.SENT)
