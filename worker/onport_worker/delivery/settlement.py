"""From what came of a request to the verdict for each of its jobs. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from onport_queue.flight import Dead, Delivered, Item, Released, Retry, Settlement, Verdict
from onport_worker.delivery.backoff import backoff_ms, pause_s
from onport_worker.delivery.classify import Meaning, classify
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome


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
    match classify(outcome):
        case Meaning.DELIVERED:
            return Settlement([Delivered() for _ in items])
        case Meaning.THROTTLED:
            # Not the jobs' fault, so not an attempt of theirs: the account waits instead.
            header = outcome.retry_after if isinstance(outcome, Answered) else None
            return Settlement(
                [Released() for _ in items],
                sent=False,
                pause_ms=round(pause_s(header, now) * 1000),
                pause_reason="429: the endpoint throttles",
            )
        case Meaning.TRY_LATER:
            verdicts = [_again(item, patience, chance, sent=sent) for item in items]
            return Settlement(verdicts, sent=sent, status=status, text=text)
        case Meaning.REFUSED:
            return Settlement([Dead() for _ in items], status=status, text=text)
        case _ as meaning:
            assert_never(meaning)


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
        case _:
            assert_never(outcome)
