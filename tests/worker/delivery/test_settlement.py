import random
from datetime import UTC, datetime

import pytest

from onport_queue.flight import (
    Answer,
    Dead,
    Delivered,
    Halve,
    Item,
    Released,
    Retry,
    Settlement,
)
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
    assert settlement.answer == Answer.ACCEPTED


def test_a_429_is_no_attempt_and_pauses_the_account() -> None:
    throttled = Answered(429, "slow down", retry_after="2")
    settlement = settlement_of(throttled, [an_item(attempts=2)], PATIENCE, NOW, random.Random(1))
    assert settlement.verdicts == [Released()]
    assert not settlement.sent
    assert (settlement.answer, settlement.retry_after_ms) == (Answer.THROTTLED, 2_000)


def test_a_429_that_does_not_say_how_long_leaves_it_to_the_queue() -> None:
    settlement = settlement_of(Answered(429), [an_item()], PATIENCE, NOW, random.Random(1))
    assert settlement.retry_after_ms is None


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


def test_what_is_delivered_is_noted_with_its_answer() -> None:
    settlement = settlement_of(Answered(200), [an_item()], PATIENCE, NOW, random.Random(1))
    assert settlement == Settlement([Delivered()], Answer.ACCEPTED, status="200")


def test_a_429_that_asks_for_ages_is_an_answer_like_others() -> None:
    answered = Answered(429, retry_after="1e306")
    settlement = settlement_of(answered, [an_item()], PATIENCE, NOW, random.Random(1))
    assert settlement.retry_after_ms == 86_400_000


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
    assert settlement.answer == Answer.REFUSED
    assert (settlement.status, settlement.text) == ("422", "no such sku")


def test_a_refused_batch_is_halved() -> None:
    settlement = settlement_of(
        Answered(422, "no"), [an_item(), an_item()], PATIENCE, NOW, random.Random(1)
    )
    assert settlement.verdicts == [Halve(), Halve()]
    assert settlement.sent


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, Answer.DENIED),
        (403, Answer.DENIED),
        (302, Answer.MISDIRECTED),
        (404, Answer.MISDIRECTED),
        (405, Answer.MISDIRECTED),
    ],
)
def test_what_speaks_of_hash_or_address_is_no_attempt_of_the_jobs(
    status: int, answer: Answer
) -> None:
    items = [an_item(attempts=2), an_item()]
    settlement = settlement_of(Answered(status, "no"), items, PATIENCE, NOW, random.Random(1))
    assert settlement == Settlement(
        [Released(), Released()], answer, sent=False, status=str(status), text="no"
    )
