from datetime import timedelta

import pytest
from tests.worker.alerts.conftest import NOON
from tests.worker.cli.conftest import stats

from onport_producers.spool import Contents
from onport_worker.alerts.conditions import Alert, Condition, of_queue, of_spool
from onport_worker.alerts.dead_sales import DeadSale

SECONDS_AGO = NOON - timedelta(seconds=1)


def pause(scope: str, cause: str, *, left_ms: int = 1_000, since_ms: int = 1_000) -> object:
    return {
        "scope": scope,
        "cause": cause,
        "reason": "answered 401",
        "left_ms": left_ms,
        "since_ms": since_ms,
    }


def outage(since_ms: int) -> object:
    return {"openings": 3, "since_ms": since_ms, "probing": False}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"dead": 3, "ledger": {"accepted": 3}}, []),
        ({"pauses": [pause("lane:low", "operator", left_ms=-1)]}, []),
        ({"pauses": [pause("account", "outage")]}, []),
        ({"pauses": [pause("channel:uk", "refused")]}, ["channel_paused:uk"]),
        ({"pauses": [pause("endpoint:uk:sale", "refused")]}, ["stream_paused:uk:sale"]),
        ({"pauses": [pause("account", "throttled", left_ms=60_000)]}, []),
        ({"pauses": [pause("account", "throttled", left_ms=299_000)]}, ["throttled:"]),
        ({"pauses": [pause("account", "throttled", since_ms=299_000)]}, ["throttled:"]),
        ({"outage": outage(9_999)}, []),
        ({"outage": outage(10_000)}, ["outage:"]),
        ({"ledger": {"accepted": 1}}, ["ledger_off:"]),
        ({"emptied_ms": 0}, ["broker_emptied:"]),
    ],
)
def test_of_a_queue_this_is_wrong(facts: dict[str, object], expected: list[str]) -> None:
    assert [condition.id for condition in of_queue(stats(**facts), (), NOON)] == expected


def test_each_dead_sale_is_something_wrong_of_its_own() -> None:
    dead = [DeadSale("uk", str(number), "422", SECONDS_AGO) for number in (1, 2)]
    found = list(of_queue(stats(), dead, NOON))
    assert [condition.id for condition in found] == ["dead_sale:uk:1", "dead_sale:uk:2"]
    assert found[0].since == SECONDS_AGO
    assert found[0].subject == {"channel": "uk", "sale": "1", "status": "422"}


def test_it_is_known_since_when_and_of_what() -> None:
    (found,) = of_queue(stats(pauses=[pause("endpoint:uk:sale", "refused")]), (), NOON)
    subject = {"channel": "uk", "kind": "sale", "reason": "answered 401"}
    assert found == Condition(Alert.STREAM_PAUSED, SECONDS_AGO, "uk:sale", subject)


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (Contents(0, 0, None, 4_096, 0, ()), []),
        (Contents(2, 7, SECONDS_AGO.timestamp(), 4_096, 0, ()), ["spool_in_use:h1"]),
        (Contents(0, 0, None, 4_096, 3, ()), ["spool_refused:h1"]),
    ],
)
def test_of_a_spool_this_is_wrong(contents: Contents, expected: list[str]) -> None:
    assert [one.id for one in of_spool(contents, "h1", NOON, away=False)] == expected


def test_a_spool_in_use_says_whether_redis_is_away() -> None:
    contents = Contents(2, 7, SECONDS_AGO.timestamp(), 4_096, 0, ())
    (found,) = of_spool(contents, "h1", NOON, away=True)
    assert found.since == SECONDS_AGO
    assert found.subject == {"host": "h1", "puts": 2, "jobs": 7, "broker": "away"}
