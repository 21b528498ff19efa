from datetime import datetime

import pytest
from tests.queue.picture.test_forecast import CATALOGUE, SALES, at_work, pause, pending

from onport_queue.names import Kind
from onport_queue.picture.expectations import expectations
from onport_queue.picture.forecast import forecast
from onport_queue.settings import ChannelSettings, Settings

NOW = datetime.fromisoformat("2026-11-03T14:16:05").astimezone()


def test_a_forecast_says_when_a_catalogue_is_in_and_what_a_new_sale_waits() -> None:
    told = expectations(forecast(at_work(CATALOGUE), Settings(rate=10)), NOW)

    assert list(told) == [
        "catalogue import finishes 14:20",
        "a new sale now waits about 0.1 s",
        "a sale update now waits about 0.2 s",
    ]


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (100.0, "catalogue import finishes in 20 s"),
        (10.0, "catalogue import finishes 14:20"),
        (0.05, "catalogue import finishes 2026-11-04 01:23"),
    ],
)
def test_what_is_soon_is_told_in_seconds_and_another_day_with_its_date(
    rate: float, said: str
) -> None:
    assert next(expectations(forecast(at_work(CATALOGUE), Settings(rate=rate)), NOW)) == said


def test_what_nobody_knows_waits_until_it_has_happened() -> None:
    told = expectations(forecast(at_work(SALES, workers=()), Settings()), NOW)

    assert list(told) == [
        "new sales wait until a worker is at work",
        "a new sale now waits until a worker is at work",
        "a sale update now waits until a worker is at work",
    ]


def test_channels_are_told_apart_only_where_they_differ() -> None:
    settings = Settings(channels={"uk": ChannelSettings(), "us": ChannelSettings()})
    found = at_work(
        pending(Kind.ACKNOWLEDGE, 50, channel="uk"),
        pauses=(pause("endpoint:uk:sale", cause="refused"),),
    )

    told = list(expectations(forecast(found, settings), NOW))

    assert told[0] == "acknowledgements of channel uk finish in 0.1 s"
    assert "a new sale of default, us now waits about 0.1 s" in told
    assert "a new sale of uk now waits until an answer is accepted" in told


def test_an_idle_relay_sends_at_once() -> None:
    assert list(expectations(forecast(at_work(), Settings()), NOW)) == [
        "a new sale now goes at once",
        "a sale update now goes at once",
    ]
