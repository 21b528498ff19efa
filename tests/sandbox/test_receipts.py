import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from onport_sandbox import (
    Fault,
    FileReceipts,
    Item,
    Kind,
    MemoryReceipts,
    Receipt,
    UnreadableError,
    read_receipts,
)
from onport_sandbox.receipts import whole_lines


def receipt(key: str | None = "1001") -> Receipt:
    return Receipt(
        at=1_700_000_000.25,
        started=1_700_000_000.125,
        method="POST",
        path="/webhooks/custom-channels/manual-sale.json",
        kind=Kind.SALE,
        channel="1",
        status=None,
        applied=True,
        fault=Fault.TIMEOUT,
        items=(Item(key, "0123456789abcdef"),),
    )


Kept = MemoryReceipts | FileReceipts


@pytest.fixture(params=["memory", "file"])
def receipts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    opened: AbstractContextManager[Kept] = (
        nullcontext(MemoryReceipts())
        if request.param == "memory"
        else FileReceipts(tmp_path / "receipts.jsonl")
    )
    with opened as kept:
        yield kept


def test_what_was_appended_can_be_read_at_once_and_in_order(receipts: Kept) -> None:
    for key in ("b", "a", None, "\ud800é\n"):
        receipts.append(receipt(key))
    assert list(receipts) == [receipt("b"), receipt("a"), receipt(None), receipt("\ud800é\n")]


def test_a_receipt_is_one_line_of_json_with_these_fields() -> None:
    line = receipt().to_line()
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "at": 1_700_000_000.25,
        "started": 1_700_000_000.125,
        "method": "POST",
        "path": "/webhooks/custom-channels/manual-sale.json",
        "kind": "sale",
        "channel": "1",
        "status": None,
        "applied": True,
        "fault": "timeout",
        "items": [{"key": "1001", "digest": "0123456789abcdef"}],
    }


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"
    for key in ("one", "two"):
        with FileReceipts(path) as receipts:
            receipts.append(receipt(key))
    assert list(read_receipts(path)) == [receipt("one"), receipt("two")]


def test_a_line_still_being_written_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"
    path.write_bytes(receipt().to_line() + receipt().to_line()[:-1])
    assert list(read_receipts(path)) == [receipt()]


def test_a_line_whose_other_half_comes_while_it_is_read_is_left_for_the_next_reader() -> None:
    assert list(whole_lines([b"one\n", b"tw", b"o\n", b"three\n"])) == [b"one\n"]


def test_a_file_not_there_yet_has_no_receipts(tmp_path: Path) -> None:
    assert list(read_receipts(tmp_path / "receipts.jsonl")) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"nothing\n", "expected one"),
        (b"[]\n", "got list, expected an object"),
        (b"{}\n", "is missing"),
        (receipt().to_line().replace(b'"sale"', b'"gift"'), "'gift' is not a valid Kind"),
        (receipt().to_line().replace(b":null", b':"200"', 1), "expected an integer"),
        (receipt().to_line().replace(b":true", b":1"), "applied: got 1, expected true or false"),
    ],
)
def test_a_line_that_is_no_receipt_is_an_error(line: bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        Receipt.from_line(line)
