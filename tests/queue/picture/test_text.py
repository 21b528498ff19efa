from datetime import datetime, timedelta

import pytest

from onport_queue.picture.text import counted, local

NOW = datetime.fromisoformat("2026-11-03T14:22:05").astimezone()


def test_a_moment_of_today_is_a_time_of_day() -> None:
    assert local(NOW + timedelta(minutes=10), NOW) == "14:32:05"


def test_a_moment_of_another_day_has_its_date() -> None:
    assert local(NOW + timedelta(hours=24), NOW) == "2026-11-04 14:22:05"


@pytest.mark.parametrize(
    ("many", "told"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (1200, "1,200 jobs")]
)
def test_things_are_counted_as_people_say_it(many: int, told: str) -> None:
    assert counted(many, "job") == told


def test_a_verb_agrees_with_its_number() -> None:
    assert counted(1, "job is", "jobs are") == "1 job is"
    assert counted(2, "job is", "jobs are") == "2 jobs are"
