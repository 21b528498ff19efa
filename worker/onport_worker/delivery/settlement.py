"""From what came of a request to the verdict for each of its jobs. Pure."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from onport_queue.flight import (
    Answer,
    Dead,
    Delivered,
    Halve,
    Item,
    Released,
    Retry,
    Settlement,
    Verdict,
)
from onport_worker.delivery.backoff import asked_s, backoff_ms
from onport_worker.delivery.classify import Meaning, classify
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome, Unsendable

# The queue itself waits an hour at most; this is for numbers of which no milliseconds can be made.
_LONGEST_ASKED_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Patience:
    """When a job is given up: requests made for it, or time since the first."""

    max_attempts: int = 25
    max_age_ms: int = 72 * 3_600_000


def settlement_of(
    outcome: Outcome,
    items: Sequence[Item],
    patience: Patience,
    now: datetime,
    chance: random.Random,
) -> Settlement:
    """Return how a flight ends after this outcome."""
    status, text = _noted(outcome)
    sent = not isinstance(outcome, NotSent)
    released = [Released()] * len(items)
    match classify(outcome):
        case Meaning.DELIVERED:
            return Settlement([Delivered()] * len(items), Answer.ACCEPTED, status=status)
        case Meaning.THROTTLED:
            # Not the jobs' fault, so not an attempt of theirs: the account waits instead.
            asked = _asked_ms(outcome, now)
            return Settlement(released, Answer.THROTTLED, sent=False, retry_after_ms=asked)
        case Meaning.TRY_LATER:
            verdicts = [_again(item, patience, chance, sent=sent) for item in items]
            return Settlement(verdicts, Answer.FAILED, sent=sent, status=status, text=text)
        case Meaning.DENIED:
            return Settlement(released, Answer.DENIED, sent=False, status=status, text=text)
        case Meaning.MISDIRECTED:
            return Settlement(released, Answer.MISDIRECTED, sent=False, status=status, text=text)
        case Meaning.REFUSED:
            return Settlement(_narrowed(items), Answer.REFUSED, status=status, text=text)
        case Meaning.IMPOSSIBLE:
            narrowed = _narrowed(items)
            return Settlement(narrowed, Answer.NONE, sent=False, status=status, text=text)
        case _ as meaning:
            assert_never(meaning)


def _narrowed(items: Sequence[Item]) -> list[Verdict]:
    return [Dead()] if len(items) == 1 else [Halve()] * len(items)


def _asked_ms(outcome: Outcome, now: datetime) -> int | None:
    if not isinstance(outcome, Answered):
        return None
    asked = asked_s(outcome.retry_after, outcome.date, now)
    return None if asked is None else math.ceil(min(asked, _LONGEST_ASKED_S) * 1000)


def _again(item: Item, patience: Patience, chance: random.Random, *, sent: bool) -> Verdict:
    attempts = item.attempts + sent
    if attempts >= patience.max_attempts or item.first_attempt_ms_ago >= patience.max_age_ms:
        return Dead()
    return Retry(backoff_ms(max(attempts, 1), chance))


def _noted(outcome: Outcome) -> tuple[str, str]:
    match outcome:
        case Answered(status, text):
            return str(status), text
        case NotSent(reason):
            return "not sent", reason
        case Ambiguous(reason):
            return "ambiguous", reason
        case Unsendable(reason):
            return "unsendable", reason
        case _:
            assert_never(outcome)
