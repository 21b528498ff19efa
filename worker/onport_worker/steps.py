"""The steps of a delivery, told as they are reached; the tests kill a worker at each of them."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias


class Step(StrEnum):
    """Where a delivery has got to."""

    CLAIMED = "claimed"
    """The batch is ours; nothing is on its way yet."""
    SENDING = "sending"
    """The connection is open, the request is about to be written."""
    HALF_SENT = "half-sent"
    """Its head is out, its body is not: no request yet."""
    SENT = "sent"
    """The request is out whole, unanswered."""
    ANSWERED = "answered"
    """The outcome is known, and not settled."""
    SETTLED = "settled"
    """The queue knows it; the worker has done nothing with that yet."""


Steps: TypeAlias = Callable[[Step], None]


def unobserved(step: Step) -> None:
    """Let every step pass: nobody looks."""
    del step
