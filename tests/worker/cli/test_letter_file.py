from pathlib import Path

import pytest

from onport_worker.cli.exits import UsageError
from onport_worker.cli.letter_file import opened_letter_file


def test_a_file_is_there_once_it_is_whole_and_only_for_its_owner(tmp_path: Path) -> None:
    with opened_letter_file("letters.jsonl") as opened:
        opened.write("{}\n")
        assert not Path("letters.jsonl").exists()

    assert [path.name for path in tmp_path.iterdir()] == ["letters.jsonl"]
    assert Path("letters.jsonl").read_text() == "{}\n"
    assert Path("letters.jsonl").stat().st_mode & 0o777 == 0o600


def write_and_be_interrupted() -> None:
    with opened_letter_file("letters.jsonl") as opened:
        opened.write("{}\n")
        raise KeyboardInterrupt


def test_of_what_was_broken_off_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_and_be_interrupted()

    assert list(tmp_path.iterdir()) == []


def test_what_an_earlier_one_left_behind_is_not_in_the_way() -> None:
    Path("letters.jsonl.part").write_text("half")

    with opened_letter_file("letters.jsonl") as opened:
        opened.write("{}\n")

    assert Path("letters.jsonl").read_text() == "{}\n"


@pytest.mark.parametrize("name", ["taken.jsonl", ".", "/"])
def test_what_exists_is_not_overwritten(name: str) -> None:
    Path("taken.jsonl").write_text("mine")

    with pytest.raises(UsageError, match="exists already"), opened_letter_file(name):
        pass

    assert Path("taken.jsonl").read_text() == "mine"


def test_what_can_not_be_written_is_named() -> None:
    with (
        pytest.raises(UsageError, match=r"gone/x: can't be written: No such file or directory"),
        opened_letter_file("gone/x"),
    ):
        pass
