from datetime import datetime

import pytest
from tests.worker.cli.conftest import stats

from onport_queue.events import Event, EventName
from onport_queue.ledger import OutageStats, PauseStats, SizeStats, Stats
from onport_queue.names import Kind
from onport_queue.settings import Settings
from onport_worker.cli.report import lines

NOW = datetime.fromisoformat("2026-11-03T14:22:05").astimezone()


def told(found: Stats, label: str) -> list[str]:
    """What the lines with that label say."""
    said = lines(found, Settings(), NOW)
    return [line[11:] for line in said if line[:11].rstrip() == label]


def pause(**facts: object) -> PauseStats:
    boring = {"scope": "account", "cause": "operator", "reason": "", "left_ms": -1, "since_ms": 0}
    return PauseStats.model_validate(boring | facts)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "10 requests/s configured, 10 allowed now"),
        (
            {"rate_set": 20.0, "rate_allowed": 2.0},
            "10 requests/s configured, 20 set by an operator, 2 allowed now",
        ),
        (
            {"rate_allowed": 7.5, "rate_limit": 9.9},
            "10 requests/s configured, 7.5 allowed now, learnt limit 9.9: a 429 came just above it",
        ),
        (
            {
                "rate_allowed": 7.5,
                "rate_limit": 9.9,
                "events": (Event(name=EventName.RATE_LOWERED, ago_ms=180_000, from_=10.0),),
            },
            (
                "10 requests/s configured, 7.5 allowed now, "
                "learnt limit 9.9: a 429 came at 10, 3 min 0 s ago"
            ),
        ),
    ],
)
def test_the_rate_is_told_with_all_that_bears_on_it(facts: dict[str, object], said: str) -> None:
    assert told(stats(**facts), "Rate") == [said]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"reason": "stocktaking", "since_ms": 57_000, "behind": 1_203},
            (
                "the whole account, stocktaking (by an operator): until resumed; "
                "for 57 s, 1,203 pending behind it"
            ),
        ),
        (
            {"scope": "lane:low", "left_ms": 600_000},
            (
                "the low lane, no reason given (by an operator): until 14:32:05, 10 min 0 s left; "
                "for 0.0 s, 0 pending behind it"
            ),
        ),
        (
            {"cause": "throttled", "reason": "answered 429", "left_ms": 20_000},
            (
                "the whole account, answered 429 (throttled): until 14:22:25, 20 s left; "
                "for 0.0 s, 0 pending behind it"
            ),
        ),
        (
            {
                "scope": "channel:uk",
                "cause": "refused",
                "reason": "answered 401",
                "left_ms": 90_000,
            },
            (
                "channel uk, answered 401 (refused): until an answer is accepted, "
                "next probe in 1 min 30 s; for 0.0 s, 0 pending behind it"
            ),
        ),
        (
            {
                "scope": "endpoint:uk:sale",
                "cause": "refused",
                "reason": "answered 404",
                "left_ms": 0,
            },
            (
                "sale requests of channel uk, answered 404 (refused): until an answer is accepted, "
                "next probe is due; for 0.0 s, 0 pending behind it"
            ),
        ),
    ],
)
def test_a_pause_tells_what_why_and_until_when(facts: dict[str, object], said: str) -> None:
    assert told(stats(pauses=(pause(**facts),)), "Paused") == [said]


@pytest.mark.parametrize(
    ("outage", "said"),
    [
        (
            OutageStats(openings=1, since_ms=900, probing=False),
            (
                "the endpoint has failed for 0.9 s, paused once; one probe is next, "
                "at once by `resume`"
            ),
        ),
        (
            OutageStats(openings=7, since_ms=123_000, probing=True),
            "the endpoint has failed for 2 min 3 s, paused 7 times in a row; a probe is on its way",
        ),
    ],
)
def test_an_outage_is_told_while_it_lasts(outage: OutageStats, said: str) -> None:
    assert told(stats(outage=outage), "Outage") == [said]


def test_learnt_sizes_are_told_per_kind() -> None:
    sizes = (SizeStats(kind=Kind.PRODUCT, items=25), SizeStats(kind=Kind.DISCONNECT, bytes=5_000))

    assert told(stats(sizes=sizes), "Batches") == [
        "product: at most 25 items, since larger ones were refused",
        "disconnect: at most 5,000 bytes, since larger ones were refused",
    ]


def test_the_newest_events_are_told_with_how_long_ago() -> None:
    events = tuple(
        Event(name=EventName.RATE_SET, ago_ms=ago * 60_000, to=20.0) for ago in range(1, 20)
    )

    said = told(stats(events=events), "Event")

    assert said[0] == "1 min 0 s ago: an operator set the rate to 20 requests/s"
    assert len(said) == 8


def test_of_what_is_not_there_nothing_is_told() -> None:
    for label in ("Paused", "Outage", "Batches", "Event"):
        assert told(stats(), label) == []


def test_a_reason_can_not_steer_the_terminal() -> None:
    (said,) = told(stats(pauses=(pause(reason="\x1b[2J"),)), "Paused")

    assert "\x1b" not in said
