from datetime import timedelta

import pytest
from tests.worker.alerts.conftest import NOON, told

from onport_queue.told import State, Told
from onport_worker import __version__
from onport_worker.alerts.conditions import Alert, Condition
from onport_worker.alerts.news import Change
from onport_worker.alerts.notice import notices, said_of, trial_document

SUBJECTS: dict[Alert, dict[str, str | int]] = {
    Alert.DEAD_SALE: {"channel": "uk", "sale": "1001", "status": "422"},
    Alert.CHANNEL_PAUSED: {"channel": "uk", "reason": "answered 401"},
    Alert.STREAM_PAUSED: {"channel": "uk", "kind": "sale", "reason": "answered 404"},
    Alert.OUTAGE: {},
    Alert.THROTTLED: {},
    Alert.LEDGER_OFF: {"imbalance": -3},
    Alert.BROKER_EMPTIED: {},
    Alert.BROKER_AWAY: {"host": "h1"},
    Alert.SPOOL_IN_USE: {"host": "h1", "puts": 2, "jobs": 7, "broker": "away"},
    Alert.SPOOL_REFUSED: {"host": "h1", "puts": 3},
    Alert.SPOOL_UNUSABLE: {"host": "h1", "problem": "spool /srv/spool.db: damaged"},
}


def dead(sale: str, state: State = State.FIRING, *, channel: str = "uk") -> Told:
    return told("dead_sale", state, channel=channel, sale=sale, status="422")


def documents(*news: Told | None, account: str = "default") -> list[dict[str, object]]:
    found = [Change(str(number), one) for number, one in enumerate(news)]
    return [notice.document() for notice in notices(account, found)]


def test_a_notice_is_this_document() -> None:
    (document,) = documents(told("channel_paused", channel="uk", reason="answered 401"))
    assert document == {
        "alert": "channel_paused",
        "state": "firing",
        "account": "default",
        "since": "2026-11-25T11:00:00Z",
        "subject": {"channel": "uk", "reason": "answered 401"},
        "text": "Onport Relay: channel uk is paused, answered 401: Onport does not take its webhook"
        " hash. Nothing of it is sent until it is right",
        "relay": __version__,
    }


@pytest.mark.parametrize("alert", list(Alert))
def test_of_each_alert_there_is_a_line_of_its_facts(alert: Alert) -> None:
    line = said_of(Condition(alert, NOON, subject=SUBJECTS[alert]))
    assert line != alert.value
    assert "{" not in line
    assert all(str(fact) in line for fact in SUBJECTS[alert].values())


@pytest.mark.parametrize(
    ("state", "begins"),
    [
        (State.FIRING, "Onport Relay (us): the ledger is off by 1"),
        (State.REPEATED, "Onport Relay (us): still, since 2026-11-25 11:00 UTC: the ledger"),
        (State.RESOLVED, "Onport Relay (us): OVER, after it began 2026-11-25 11:00 UTC: the led"),
    ],
)
def test_its_line_says_whether_it_lasts_and_of_which_account(state: State, begins: str) -> None:
    (document,) = documents(told("ledger_off", state, imbalance=1), account="us")
    assert str(document["text"]).startswith(begins)


def test_sales_that_die_together_are_told_together() -> None:
    sales = [dead(str(number)) for number in range(30)]
    (document,) = documents(*sales)
    subject = document["subject"]
    assert isinstance(subject, dict)
    assert (subject["channel"], subject["count"], len(subject["sales"])) == ("uk", 30, 20)
    assert subject["sales"][0] == {"id": "0", "status": "422"}
    assert "30 sales are dead" in str(document["text"])
    assert "19 (422) and 10 more" in str(document["text"])


def test_those_of_other_channels_and_those_that_are_dead_no_longer_are_told_apart() -> None:
    told_of = documents(
        dead("1"), dead("2", State.RESOLVED), dead("3"), dead("4", channel="us"), dead("5")
    )
    counts = [
        (one["state"], one["subject"]["channel"], one["subject"]["count"])
        for one in told_of
        if isinstance(one["subject"], dict)
    ]
    assert sorted(counts) == [("firing", "uk", 3), ("firing", "us", 1), ("resolved", "uk", 1)]


def test_what_is_only_forgotten_is_not_told() -> None:
    assert documents(None) == []


def test_one_of_a_thing_is_not_told_as_many() -> None:
    (document,) = documents(told("spool_in_use", host="h1", puts=1, jobs=1200, broker="away"))
    assert "holds 1 put with 1,200 jobs; Redis is away" in str(document["text"])


def test_an_id_is_no_markup_and_steers_no_terminal() -> None:
    (document,) = documents(dead("<!channel> \x1b[31m & co"))
    assert "&lt;!channel&gt; \N{REPLACEMENT CHARACTER}[31m &amp; co" in str(document["text"])


def test_a_trial_says_that_nothing_is_wrong() -> None:
    document = trial_document("default", NOON + timedelta(microseconds=7))
    assert document["alert"] == "test"
    assert document["since"] == "2026-11-25T12:00:00Z"
    assert document["text"] == "Onport Relay: a test, nothing is wrong"
