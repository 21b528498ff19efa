import pytest

from onport_queue.events import Event, EventName
from onport_queue.picture.document import event_document
from onport_queue.picture.sentences import sentence

SENTENCES = [
    (
        Event(name=EventName.RATE_LOWERED, from_=15.0, to=7.5, limit=14.85),
        "a 429 came at 15 requests/s: it goes on at 7.5 and climbs to 14.85",
    ),
    (
        Event(name=EventName.RATE_LOWERED, from_=10.0, to=9.9, limit=9.9),
        "a 429 came at 10 requests/s: it goes on at 9.9",
    ),
    (
        Event(name=EventName.RATE_RESTORED, to=20.0),
        "no further 429: the rate is 20 requests/s again",
    ),
    (
        Event(name=EventName.RATE_SET, to=20.0),
        "an operator set the rate to 20 requests/s",
    ),
    (Event(name=EventName.RATE_SET), "an operator gave back the configured rate"),
    (
        Event(name=EventName.OUTAGE_BEGAN, failures=5, status="503"),
        "an outage began: 5 requests in a row failed, the last was answered 503",
    ),
    (
        Event(name=EventName.OUTAGE_BEGAN, failures=5, cause="ReadTimeout"),
        "an outage began: 5 requests in a row failed, the last was not answered: ReadTimeout",
    ),
    (
        Event(name=EventName.OUTAGE_ENDED, seconds=123.4),
        "the outage ended after 2 min 3 s: a probe was answered",
    ),
    (
        Event(name=EventName.PAUSED, scope="channel:uk", cause="refused", status="401"),
        "channel uk was paused (refused, answered 401)",
    ),
    (
        Event(name=EventName.PAUSED, scope="account", cause="operator"),
        "the whole account was paused (by an operator)",
    ),
    (
        Event(name=EventName.RESUMED, scope="account", cause="throttled"),
        "the whole account is no longer paused (throttled)",
    ),
    (
        Event(name=EventName.SIZE_LEARNED, kind="product", items=25),
        "product batches are held to 25 items",
    ),
    (
        Event(name=EventName.SIZE_LEARNED, kind="product", items=25, bytes=500_000),
        "product batches are held to 25 items and 500,000 bytes",
    ),
    (Event(name=EventName.EMPTIED), "the broker came back without its data"),
]


@pytest.mark.parametrize(("event", "said"), SENTENCES)
def test_an_event_is_told_in_a_sentence(event: Event, said: str) -> None:
    assert sentence(event) == said


def test_every_event_has_a_sentence() -> None:
    assert {event.name for event, _ in SENTENCES} == set(EventName)


def test_what_could_steer_the_terminal_is_not_told() -> None:
    event = Event(name=EventName.PAUSED, scope="channel:\x1b[2J", cause="operator")

    assert "\x1b" not in sentence(event)


def test_a_script_gets_the_facts_that_there_are() -> None:
    event = Event(name=EventName.RATE_LOWERED, ago_ms=9, from_=15.0, to=7.5)

    assert event_document(event) == {"name": "rate_lowered", "ago_ms": 9, "from": 15.0, "to": 7.5}
