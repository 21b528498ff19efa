import random
from datetime import UTC, datetime

import pytest

from onport_queue.flight import Dead, Delivered, Item, Released, Retry
from onport_queue.fold import Fragment
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent
from onport_worker.delivery.settlement import Patience, settlement_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PATIENCE = Patience(max_attempts=3, max_age_ms=1_000)


def an_item(*, attempts: int = 0, first_attempt_ms_ago: int = 0) -> Item:
    return Item("sale:default:1", attempts, first_attempt_ms_ago, 0, (Fragment("F", "", b"{}"),))


def test_a_2xx_delivers_every_job_of_the_batch() -> None:
    settlement = settlement_of(
        Answered(200), [an_item(), an_item()], PATIENCE, NOW, random.Random(1)
    )
    assert settlement.verdicts == [Delivered(), Delivered()]
    assert settlement.sent


def test_a_429_is_no_attempt_and_pauses_the_account() -> None:
    throttled = Answered(429, "slow down", retry_after="2")
    settlement = settlement_of(throttled, [an_item(attempts=2)], PATIENCE, NOW, random.Random(1))
    assert settlement.verdicts == [Released()]
    assert not settlement.sent
    assert settlement.pause_ms == 2_000


@pytest.mark.parametrize("outcome", [Answered(503, "busy"), Ambiguous("ReadTimeout")])
def test_a_failure_is_tried_again_later(outcome: Answered | Ambiguous) -> None:
    settlement = settlement_of(outcome, [an_item()], PATIENCE, NOW, random.Random(1))
    assert isinstance(settlement.verdicts[0], Retry)
    assert settlement.sent


def test_a_request_that_was_not_sent_is_no_attempt() -> None:
    settlement = settlement_of(
        NotSent("refused"), [an_item(attempts=2)], PATIENCE, NOW, random.Random(1)
    )
    assert isinstance(settlement.verdicts[0], Retry)
    assert not settlement.sent


def test_the_last_attempt_makes_the_job_dead_and_only_that_job() -> None:
    items = [an_item(attempts=2), an_item(attempts=1)]
    settlement = settlement_of(Answered(503), items, PATIENCE, NOW, random.Random(1))
    assert isinstance(settlement.verdicts[0], Dead)
    assert isinstance(settlement.verdicts[1], Retry)


def test_a_job_tried_for_too_long_is_dead() -> None:
    item = an_item(attempts=1, first_attempt_ms_ago=1_000)
    settlement = settlement_of(Answered(503), [item], PATIENCE, NOW, random.Random(1))
    assert settlement.verdicts == [Dead()]


def test_a_refused_job_is_dead_with_its_answer() -> None:
    settlement = settlement_of(
        Answered(422, "no such sku"), [an_item()], PATIENCE, NOW, random.Random(1)
    )
    assert settlement.verdicts == [Dead()]
    assert (settlement.status, settlement.text) == ("422", "no such sku")
