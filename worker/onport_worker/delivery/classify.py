"""Which answer means what: one pure table."""

from enum import Enum, auto
from typing import assert_never

from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome


class Meaning(Enum):
    """What an outcome says about the jobs of its request."""

    DELIVERED = auto()
    THROTTLED = auto()
    TRY_LATER = auto()
    REFUSED = auto()


_TRY_LATER = frozenset({408, 425})


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
            return Meaning.REFUSED
        case NotSent() | Ambiguous():
            return Meaning.TRY_LATER
        case _:
            assert_never(outcome)
