import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from onport_producers.schedule.errors import SourceError
from onport_producers.schedule.inbox import Inbox
from onport_queue.clock import SystemClock


class _Later(SystemClock):
    """The machine's clock, set to a day."""

    def __init__(self, days: float) -> None:
        self._days = days

    def wall(self) -> datetime:
        return datetime(2026, 11, 25, 3, 0, tzinfo=UTC) + timedelta(days=self._days)


def inbox(folder: Path, pattern: str = "*.csv", *, name: str = "links", days: float = 0) -> Inbox:
    return Inbox(name, str(folder / pattern), _Later(days))


def written(folder: Path, *names: str) -> None:
    for age, name in enumerate(names):
        (folder / name).write_text(name)
        os.utime(folder / name, (1_000 + age, 1_000 + age))


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_files_come_oldest_first_each_claimed_by_a_rename(tmp_path: Path) -> None:
    written(tmp_path, "b.csv", "a.csv")
    claimed = inbox(tmp_path).claim()
    assert next(claimed) == tmp_path / "claimed/links/b.csv"
    assert below(tmp_path) == {"claimed/links/b.csv", "a.csv"}
    assert [path.name for path in claimed] == ["a.csv"]


def test_what_is_not_meant_stays(tmp_path: Path) -> None:
    written(tmp_path, "a.csv.tmp", ".a.csv", "b.jsonl")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "b.jsonl")
    assert list(inbox(tmp_path).claim()) == []


def test_what_a_killed_run_has_left_comes_first(tmp_path: Path) -> None:
    written(tmp_path, "a.csv")
    assert len(list(inbox(tmp_path).claim())) == 1
    written(tmp_path, "a.csv")
    again = list(inbox(tmp_path).claim())
    assert [path.name for path in again] == ["a.csv", "2-a.csv"]


def test_another_schedule_of_the_folder_gets_no_file_twice(tmp_path: Path) -> None:
    written(tmp_path, "a.csv", "b.csv")
    ours, theirs = inbox(tmp_path).claim(), inbox(tmp_path, name="other").claim()
    found = [next(ours), next(theirs)]
    assert [path.name for path in found] == ["a.csv", "b.csv"]
    assert [*ours, *theirs] == []


def test_a_file_that_is_done_with_is_put_away_with_the_time(tmp_path: Path) -> None:
    written(tmp_path, "a.csv")
    box = inbox(tmp_path)
    for file in box.claim():
        box.finish(file)
    assert below(tmp_path) == {"done/20261125T030000Z-a.csv"}


def test_two_of_one_name_are_both_kept(tmp_path: Path) -> None:
    for _ in range(2):
        written(tmp_path, "a.csv")
        box = inbox(tmp_path)
        for file in box.claim():
            box.finish(file)
    assert below(tmp_path) == {"done/20261125T030000Z-a.csv", "done/2-20261125T030000Z-a.csv"}


def test_a_file_that_failed_has_its_reasons_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "a.csv")
    box = inbox(tmp_path)
    (aside,) = [box.set_aside(file, ["line 3: sku: missing"]) for file in box.claim()]
    assert aside.read_text() == "a.csv"
    assert Path(f"{aside}.reasons.txt").read_text() == "line 3: sku: missing\n"


def test_what_was_done_is_deleted_after_thirty_days(tmp_path: Path) -> None:
    written(tmp_path, "old.csv")
    box = inbox(tmp_path)
    for file in box.claim():
        box.finish(file)
    inbox(tmp_path, days=29.9).clear()
    assert len(below(tmp_path)) == 1
    inbox(tmp_path, days=30.1).clear()
    assert below(tmp_path) == set()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="gone: no such folder"):
        next(inbox(tmp_path / "gone").claim())


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    written(tmp_path, "a.csv", "claimed")
    with pytest.raises(SourceError, match="claimed"):
        next(inbox(tmp_path).claim())
