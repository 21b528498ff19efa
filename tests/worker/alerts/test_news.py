from datetime import timedelta

import pytest
from tests.worker.alerts.conftest import NOON, told

from onport_queue.told import State, Told
from onport_worker.alerts.conditions import OF_QUEUE, Alert, Condition
from onport_worker.alerts.news import Sight, changes

FIRING, REPEATED, RESOLVED = State.FIRING, State.REPEATED, State.RESOLVED
ON = Condition(Alert.LEDGER_OFF, NOON - timedelta(minutes=1))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AN_INSTANT = timedelta(seconds=1)


def news(
    before: Told | None,
    *conditions: Condition,
    known: frozenset[Alert] = OF_QUEUE,
    alert_id: str = ON.id,
) -> list[State | None]:
    sight = Sight(conditions, known, "h1")
    found = changes({alert_id: before} if before else {}, sight, NOON)
    return [change.told.state if change.told else None for change in found]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, [FIRING]),
        (told(state=FIRING, ago=MINUTE), []),
        (told(state=FIRING, ago=HOUR - AN_INSTANT), []),
        (told(state=FIRING, ago=HOUR), [REPEATED]),
        (told(state=REPEATED, ago=HOUR - AN_INSTANT), []),
        (told(state=REPEATED, ago=HOUR), [REPEATED]),
        # Taken by somebody who has not said yet that it was sent.
        (told(state=FIRING, ago=AN_INSTANT, sent=False), []),
        (told(state=FIRING, ago=MINUTE, sent=False), [FIRING]),
        (told(state=REPEATED, ago=MINUTE, sent=False), [REPEATED]),
        # It is there again before it was told that it is over.
        (told(state=RESOLVED, ago=MINUTE, sent=False), [REPEATED]),
    ],
)
def test_of_what_is_wrong_this_is_news(before: Told | None, expected: list[State]) -> None:
    assert news(before, ON) == expected


@pytest.mark.parametrize("conditions", [(ON,), ()])
def test_why_it_could_not_be_told_stays_known_while_it_is_tried_again(
    conditions: tuple[Condition, ...],
) -> None:
    before = told(ago=MINUTE, sent=False).model_copy(update={"problem": "webhook: answered 410"})
    (change,) = changes({ON.id: before}, Sight(conditions, OF_QUEUE, "h1"), NOON)
    assert change.told is not None
    assert change.told.problem == before.problem


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, []),
        (told(state=FIRING), [RESOLVED]),
        (told(state=REPEATED, ago=MINUTE), [RESOLVED]),
        (told(state=FIRING, ago=AN_INSTANT, sent=False), []),
        (told(state=FIRING, ago=MINUTE, sent=False), [RESOLVED]),
        (told(state=RESOLVED, ago=AN_INSTANT, sent=False), []),
        (told(state=RESOLVED, ago=MINUTE, sent=False), [RESOLVED]),
    ],
)
def test_of_what_is_over_this_is_news(before: Told | None, expected: list[State]) -> None:
    assert news(before) == expected


def test_what_could_not_be_looked_at_is_neither_over_nor_new() -> None:
    assert news(told(), known=frozenset()) == []


@pytest.mark.parametrize(("host", "expected"), [("h1", [RESOLVED]), ("h2", [])])
def test_of_a_host_its_own_process_says_that_it_is_over(host: str, expected: list[State]) -> None:
    before = told("spool_in_use", host=host)
    known = frozenset({Alert.SPOOL_IN_USE})
    assert news(before, known=known, alert_id=f"spool_in_use:{host}") == expected


def test_what_nobody_speaks_of_any_more_is_forgotten_in_silence() -> None:
    before = told("spool_in_use", ago=DAY, host="gone")
    assert news(before, known=frozenset(Alert), alert_id="spool_in_use:gone") == [None]


def test_it_has_begun_when_it_was_first_seen() -> None:
    before = told(ago=HOUR)
    later = Condition(Alert.LEDGER_OFF, NOON, subject={"imbalance": 7})
    (change,) = changes({later.id: before}, Sight([later], OF_QUEUE, "h1"), NOON)
    assert change.told is not None
    assert change.told.since_ms == before.since_ms
    assert change.told.subject == {"imbalance": 7}


def test_what_is_over_is_told_of_what_was_told_last() -> None:
    before = told(state=REPEATED, imbalance=7)
    (change,) = changes({ON.id: before}, Sight([], OF_QUEUE, "h1"), NOON)
    assert change.told is not None
    assert (change.told.subject, change.told.sent) == ({"imbalance": 7}, False)


def test_sales_are_repeated_together_once_none_of_them_was_told_for_an_hour() -> None:
    of_uk = {"channel": "uk"}
    sales = [Condition(Alert.DEAD_SALE, NOON, f"uk:{n}", of_uk) for n in ("1", "2")]
    before = {
        sales[0].id: told("dead_sale", ago=HOUR + MINUTE, channel="uk"),
        sales[1].id: told("dead_sale", ago=HOUR - MINUTE, channel="uk"),
    }
    sight = Sight(sales, OF_QUEUE, "h1")
    assert list(changes(before, sight, NOON)) == []
    found = [change.told for change in changes(before, sight, NOON + MINUTE)]
    assert [one.state for one in found if one] == [REPEATED, REPEATED]
