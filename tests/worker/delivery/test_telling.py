"""What of a delivery is told to the log, and how loudly."""

import logging

import pytest

from onport_queue.events import Event, EventName
from onport_queue.flight import (
    Answer,
    Dead,
    Delivered,
    Granted,
    Halve,
    Item,
    Released,
    Retry,
    Settlement,
    Verdict,
)
from onport_queue.fold import Fragment
from onport_queue.log import Log
from onport_queue.names import Kind, Lane
from onport_worker.delivery.telling import tell_events, tell_settled

LOG = Log("onport_worker.test", account="default")


def granted(*keys: str) -> Granted:
    body = Fragment("1", "F", b'{"email":"ada@example.org"}')
    items = tuple(Item(f"product:default:{key}", 0, 0, 0, (body,)) for key in keys)
    return Granted("f00", Kind.PRODUCT, "default", Lane.LOW, more=False, items=items)


def settled(*verdicts: Verdict) -> Settlement:
    return Settlement(verdicts, Answer.REFUSED, status="422", text="ada@example.org is unknown")


@pytest.fixture(autouse=True)
def _at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="onport_worker.test")


def test_each_job_that_is_given_up_is_a_warning_with_its_id_and_the_status(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tell_settled(LOG, granted("A", "B", "C"), settled(Dead(), Delivered(), Dead()))
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warnings] == [
        f"job_given_up account=default job=product:default:{key} kind=product channel=default "
        "lease=f00 status=422"
        for key in ("A", "C")
    ]


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (Delivered(), ["delivered"]),
        (Retry(1_000), ["attempt_failed"]),
        (Released(), []),
        (Halve(), []),
    ],
)
def test_how_a_request_ended_is_told_at_debug_once_for_all_its_jobs(
    caplog: pytest.LogCaptureFixture, verdict: Verdict, told: list[str]
) -> None:
    tell_settled(LOG, granted("A", "B"), settled(verdict, verdict))
    assert [(vars(record)["event"], record.levelname) for record in caplog.records] == [
        (event, "DEBUG") for event in told
    ]
    assert all("A" in line and "B" in line for line in caplog.messages)


def test_neither_payload_nor_answer_is_told(caplog: pytest.LogCaptureFixture) -> None:
    for verdict in (Delivered(), Dead(), Retry(1_000)):
        tell_settled(LOG, granted("A"), settled(verdict))
    assert len(caplog.records) == 3
    assert "ada@" not in caplog.text


@pytest.mark.parametrize(
    ("name", "level"),
    [
        (EventName.PAUSED, "WARNING"),
        (EventName.RESUMED, "INFO"),
        (EventName.OUTAGE_BEGAN, "WARNING"),
        (EventName.OUTAGE_ENDED, "INFO"),
        (EventName.RATE_LOWERED, "WARNING"),
        (EventName.RATE_RESTORED, "INFO"),
        (EventName.SIZE_LEARNED, "WARNING"),
    ],
)
def test_good_news_of_the_gate_is_told_less_loudly(
    caplog: pytest.LogCaptureFixture, name: EventName, level: str
) -> None:
    tell_events(LOG, [Event(name=name, scope="account")])
    (record,) = caplog.records
    assert (record.getMessage(), record.levelname) == (
        f"{name} account=default scope=account",
        level,
    )
