"""What a drain tells of its work to whoever counts it; it does not know who that is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from onport_queue.flight import Claim, Granted, Settlement
from onport_queue.names import Lane
from onport_worker.delivery.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request: what it carried, what came of it and after how long, what that means."""

    granted: Granted
    outcome: Outcome
    settlement: Settlement
    seconds: float


class Loss(StrEnum):
    """When it was noticed that a lease was no longer ours, or about to be."""

    BEFORE_SENDING = "before_sending"
    """The request was not sent."""
    BEFORE_SETTLING = "before_settling"
    """Its outcome does not count: somebody else has the jobs."""


class Observer(Protocol):
    """Told of each step; called by many threads, and between two requests, so it must be quick."""

    def asked(self, lane: Lane, claim: Claim | None) -> None:
        """Hear what the gate said to a drain of a lane; None: the broker did not answer."""

    def answered(self, delivery: Delivery) -> None:
        """Hear of a request's end; its jobs are not settled yet."""

    def settled(self, delivery: Delivery) -> None:
        """Hear that the verdicts on its jobs are in the queue."""

    def lost(self, loss: Loss) -> None:
        """Hear that a lease was lost."""


class Nobody:
    """Counts nothing."""

    def asked(self, lane: Lane, claim: Claim | None) -> None:
        """Let it pass."""

    def answered(self, delivery: Delivery) -> None:
        """Let it pass."""

    def settled(self, delivery: Delivery) -> None:
        """Let it pass."""

    def lost(self, loss: Loss) -> None:
        """Let it pass."""
