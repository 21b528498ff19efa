import gzip
import io
import sys
from pathlib import Path

import pytest

from onport_producers.imports import UnreadableError, open_source, read_items

LINES = b'{"sku":"1"}\n' * 50_000
KEYS = ("sku",)


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


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl", "x"])
def test_gzip_is_known_by_its_first_bytes_and_unpacked(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(LINES))

    with open_source(str(path)) as source:
        assert sum(1 for _ in read_items(source, keys=KEYS)) == 50_000
        assert source.position() == source.size == path.stat().st_size


def test_the_standard_input_may_be_gzip(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.BufferedReader(io.BytesIO(gzip.compress(LINES)))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(piped))

    with open_source("-") as source:
        assert sum(1 for _ in read_items(source, keys=KEYS)) == 50_000


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        (gzip.compress(LINES)[:-20], "can't be unpacked: .*; the file seems damaged"),
        (gzip.compress(LINES)[:40] + b"x" * 40, "can't be unpacked: "),
    ],
    ids=["cut", "garbage"],
)
def test_a_damaged_gzip_is_told(tmp_path: Path, damaged: bytes, problem: str) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(damaged)

    with open_source(str(path)) as source, pytest.raises(UnreadableError, match=problem):
        list(read_items(source, keys=KEYS))
