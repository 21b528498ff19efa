"""Which answer means what: one pure table."""

from enum import Enum, auto
from typing import assert_never

from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome, Unsendable


class Meaning(Enum):
    """What an outcome says about the jobs of its request."""

    DELIVERED = auto()
    THROTTLED = auto()
    TRY_LATER = auto()
    DENIED = auto()
    """It speaks of the channel's hash."""
    MISDIRECTED = auto()
    """It speaks of the address."""
    REFUSED = auto()
    """It speaks of what was sent."""
    IMPOSSIBLE = auto()
    """There is no request for it."""


_TRY_LATER = frozenset({408, 425})
_DENIED = frozenset({401, 403})
_MISDIRECTED = frozenset({404, 405})


def classify(outcome: Outcome) -> Meaning:
    """Return what the outcome means."""
    match outcome:
        case Answered(status=status):
            if 200 <= status < 300:
                return Meaning.DELIVERED
            if status == 429:
                return Meaning.THROTTLED
            if status >= 500 or status in _TRY_LATER:
                return Meaning.TRY_LATER
            if status in _DENIED:
                return Meaning.DENIED
            if status < 400 or status in _MISDIRECTED:
                return Meaning.MISDIRECTED
            return Meaning.REFUSED
        case NotSent() | Ambiguous():
            return Meaning.TRY_LATER
        case Unsendable():
            return Meaning.IMPOSSIBLE
        case _:
            assert_never(outcome)
