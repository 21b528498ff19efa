from datetime import datetime, timedelta

from onport_queue.picture.text import local

NOW = datetime.fromisoformat("2026-11-03T14:22:05").astimezone()


def test_a_moment_of_today_is_a_time_of_day() -> None:
    assert local(NOW + timedelta(minutes=10), NOW) == "14:32:05"


def test_a_moment_of_another_day_has_its_date() -> None:
    assert local(NOW + timedelta(hours=24), NOW) == "2026-11-04 14:22:05"
