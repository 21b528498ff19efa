from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onport_producers.schedule import newest_tick, next_tick
from onport_queue.schedule import Schedule


def schedule(**when: str) -> Schedule:
    return Schedule.model_validate(
        {"name": "links", "kind": "product", "source": "python:shop:items"} | when
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "now", "newest", "following"),
    [
        ({"every": "5m"}, "2026-11-25 10:07:30", "2026-11-25 10:05", "2026-11-25 10:10"),
        ({"every": "5m"}, "2026-11-25 10:05:00", "2026-11-25 10:05", "2026-11-25 10:10"),
        ({"every": "7s"}, "2026-11-25 10:00:00", "2026-11-25 10:00", "2026-11-25 10:00:07"),
        ({"every": "1d"}, "2026-11-25 10:00:00", "2026-11-25 00:00", "2026-11-26 00:00"),
        ({"cron": "0 3 * * *"}, "2026-11-25 02:59:59", "2026-11-24 03:00", "2026-11-25 03:00"),
        ({"cron": "0 3 * * *"}, "2026-11-25 03:00:00", "2026-11-25 03:00", "2026-11-26 03:00"),
        ({"cron": "*/20 8-9 * * *"}, "2026-11-25 08:59", "2026-11-25 08:40", "2026-11-25 09:00"),
        # A Wednesday; both days must be true.
        ({"cron": "0 0 * * sat,sun"}, "2026-11-25 10:00", "2026-11-22 00:00", "2026-11-28 00:00"),
        ({"cron": "0 0 13 * fri"}, "2026-11-25 10:00", "2026-11-13 00:00", "2027-08-13 00:00"),
        ({"cron": "0 0 29 2 *"}, "2026-11-25 10:00", "2024-02-29 00:00", "2028-02-29 00:00"),
        ({"cron": "0 0 29 2 mon"}, "2026-11-25 10:00", "2016-02-29 00:00", "2044-02-29 00:00"),
    ],
)
def test_ticks_around_a_time(when: dict[str, str], now: str, newest: str, following: str) -> None:
    assert newest_tick(schedule(**when), at(now)) == at(newest)
    assert next_tick(schedule(**when), at(now)) == at(following)


def test_the_hours_are_those_of_the_time_zone() -> None:
    nightly = schedule(cron="0 3 * * *", timezone="Europe/Berlin")
    assert next_tick(nightly, at("2026-07-01 12:00")) == at("2026-07-02 01:00")
    assert next_tick(nightly, at("2026-12-01 12:00")) == at("2026-12-02 02:00")


def test_an_hour_that_summer_time_leaves_out_comes_an_hour_later() -> None:
    nightly = schedule(cron="30 2 * * *", timezone="Europe/Berlin")
    assert next_tick(nightly, at("2026-03-28 12:00")) == at("2026-03-29 01:30")


def test_an_hour_that_comes_twice_is_one_for_a_nightly_and_two_for_an_hourly() -> None:
    night = at("2026-10-24 23:59"), at("2026-10-25 02:01")
    assert ticks(schedule(cron="30 2 * * *", timezone="Europe/Berlin"), *night) == [
        at("2026-10-25 00:30")
    ]
    assert ticks(schedule(cron="0 * * * *", timezone="Europe/Berlin"), *night) == [
        *(at("2026-10-25 00:00"), at("2026-10-25 01:00"), at("2026-10-25 02:00"))
    ]


@given(
    when=st.sampled_from(
        [
            *({"every": "7s"}, {"every": "13m"}, {"every": "2d"}),
            *({"cron": "*/7 * * * *"}, {"cron": "5 2-3 * * *"}, {"cron": "0 0 1 */2 mon-thu"}),
        ]
    ),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Chatham"]),
    now=st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001
)
def test_newest_and_next_are_neighbours(when: dict[str, str], zone: str, now: datetime) -> None:
    one = schedule(**when, timezone=zone)
    here = now.replace(tzinfo=UTC)
    newest, following = newest_tick(one, here), next_tick(one, here)
    assert newest <= here < following
    assert next_tick(one, newest) == following
    assert newest_tick(one, following - timedelta(microseconds=1)) == newest


def ticks(one: Schedule, after: datetime, until: datetime) -> list[datetime]:
    found = []
    while (after := next_tick(one, after)) < until:
        found.append(after)
    return found
