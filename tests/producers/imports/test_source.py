from pathlib import Path

import pytest

from onport_producers.imports import UnreadableError, open_source


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none.json")

    with pytest.raises(UnreadableError, match=f"^{path}: no such file$"), open_source(path):
        pass


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with (
        pytest.raises(UnreadableError, match="a directory, expected a file"),
        open_source(str(tmp_path)),
    ):
        pass


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(UnreadableError, match="can't be opened"), open_source("a\0b"):
        pass


def test_an_opened_file_knows_its_size(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[]")

    with open_source(str(path)) as source:
        assert (source.name, source.size) == (str(path), 2)
