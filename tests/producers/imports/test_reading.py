import io
import json
from collections.abc import Iterator
from datetime import date

import pytest

from onport_producers.imports import (
    Format,
    Item,
    Rejected,
    Rules,
    Source,
    UnreadableError,
    read_contents,
    read_items,
)

KEYS = ("externalId", "sku")
MB = 1_000_000
RULES = Rules(KEYS, date(2026, 11, 25))


def read(
    content: bytes, *, name: str = "orders.json", declared: Format | None = None
) -> list[Item]:
    source = Source(name, io.BytesIO(content))
    return list(read_items(source, keys=KEYS, declared=declared))


def payloads(content: bytes, **options: str) -> list[object]:
    return [
        json.loads(item.payload) if isinstance(item.payload, bytes) else item.payload
        for item in read(content, **options)  # type: ignore[arg-type]  # name only
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a":1}', [(1, b'{"a":1}')]),
        (b'\n {"a" : 1.50}\r\n', [(2, b'{"a" : 1.50}')]),
        (b'{"a":1}\n\n{"b":2}\n', [(1, b'{"a":1}'), (3, b'{"b":2}')]),
        (b'{\n "a": 1\n}\n', [(1, b'{\n "a": 1\n}')]),
        (b'{\n "a": 1\n}\n{"b":2}', [(1, b'{\n "a": 1\n}'), (4, b'{"b":2}')]),
        (b'[{"a":1},\n {"b":2}]', [(1, b'{"a":1}'), (2, b'{"b":2}')]),
        (b"[]", []),
        (b" [ ] ", []),
        (b'\xef\xbb\xbf[{"a":1}]', [(1, b'{"a":1}')]),
        (b'\xef\xbb\xbf\n{"a":1}\n', [(2, b'{"a":1}')]),
        ('{"a":"größe 😀"}'.encode(), [(1, '{"a":"größe 😀"}'.encode())]),
        (b'["text",12]', [(1, b'"text"'), (1, b"12")]),
    ],
)
def test_json_comes_as_it_was_written_with_its_line(
    content: bytes, expected: list[tuple[int, bytes]]
) -> None:
    assert [(item.line, item.payload) for item in read(content)] == expected


@pytest.mark.parametrize("gap", ["", " ", "\n", "\n\n  "])
@pytest.mark.parametrize("size", [1, 1_000, 65_530, 65_536, 200_000])
def test_an_array_is_read_across_any_edge(gap: str, size: int) -> None:
    items = [{"externalId": str(number), "text": "ü€😀"[number % 3] * size} for number in range(7)]
    text = "[" + f",{gap}".join(json.dumps(item, ensure_ascii=False) for item in items) + "]"

    assert payloads(text.encode()) == items


def test_a_large_array_is_read_at_constant_memory() -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.served = 0

        def readable(self) -> bool:
            return True

        def readline(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 - the seam
            self.served += 1
            return b"[" if self.served == 1 else b'{"sku":"1"},' * 5_000

    stream = Endless()
    items: Iterator[Item] = read_items(Source("-", stream), keys=KEYS)  # type: ignore[arg-type]

    assert [next(items).payload for _ in range(100)] == [b'{"sku":"1"}'] * 100
    assert stream.served < 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "orders.json: empty, expected JSON, JSON Lines or CSV"),
        (b" \n\r\n\t", "orders.json: empty"),
        (b"\xef\xbb\xbf", "orders.json: empty"),
        (b"a,name\n1,x\n", "orders.json: begins like neither JSON nor CSV with one of the columns"),
        (b'{"a":1}\n' * 6 + b'{"a":\n', "orders.json line 7: not JSON: Expecting value at column"),
        (b'{"a":1}\n' * 6 + b'{"a":1} {"b":2}\n', "line 7: not JSON: more than one value, from"),
        (b'[\n{"a":1},\n{"a":1},\n\n\n\n{"a":,}]', "line 7: not JSON: Expecting value at column 6"),
        (b'[{"a":1} {"b":2}]', "line 1: not JSON: expected ',' or ']' at column 10"),
        (b'[{"a":1},]', "line 1: not JSON: Expecting value at column 10"),
        (b'[{"a":1}', "line 1: not JSON: the array is not closed; the file seems cut at column 9"),
        (b'[{"a":1},\n', "line 2: not JSON: the array is not closed"),
        (b'[\n{"a":"un', "line 2: not JSON: Unterminated string starting at at column 6"),
        (b"[]\n[]", "line 2: not JSON: expected the end after the array at column 1"),
        (b'{"a": nul}', "line 1: not JSON: Expecting value at column 7"),
        (b'{"a": "two\nlines"}', "line 1: not JSON: Invalid control character"),
        (b'{"a":1}\n{"b":NaN}\n', "line 2: b: NaN is no JSON number"),
        (b'[{"a":1},\n{"b":[1,{"c":-Infinity}]}]', "line 2: b.1.c: -Infinity is no JSON number"),
        (b'{"a":1}\n{"b":"caf\xe9"}\n', "line 2: not UTF-8: byte 0xe9; save the file as UTF-8"),
        (b'[{"a":1},\n\n{"b":"caf\xe9"}]', "line 3: not UTF-8: byte 0xe9"),
        (b'{"a":1}\n{"b":"caf\xe2\x82', "line 2: not UTF-8: byte 0xe2"),
        ('{"a":1}'.encode("utf-16"), "orders.json line 1: not UTF-8: byte 0xff"),
        (b'{"a":1}\n{"b":"' + b"x" * 10 * MB + b'"}\n', "line 2: longer than 10,000,000 bytes"),
        (b'[{"a":1},\n{"b":"' + b"x" * 10 * MB + b'"}]', "line 2: a value longer than 10,000,000"),
        (b'[{"a":1},\n{"b":"' + b"x" * 25 * MB, "line 2: a value longer than 10,000,000 bytes"),
        (b"{" + b'"a":' * 2, "line 1: not JSON: Expecting ',' delimiter"),
        (b'{"a":1}\n' + b'{"b":' + b"[" * 200_000 + b"\n", "line 2: not readable: nested too"),
        (b'{"a":1}\n{"b":' + b"1" * 5_000 + b"}\n", "line 2: not readable: a number with"),
        (b"\n" * 11 * MB, "begins with more than 10,000,000 bytes of blanks"),
    ],
    ids=range(28),
)
def test_what_is_wrong_with_json_is_told_with_its_place(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableError) as refusal:
        read(content)

    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_came_before_a_bad_line_is_yielded() -> None:
    items = read_items(Source("x.jsonl", io.BytesIO(b'{"a":1}\n{"a":2}\n{')), keys=KEYS)

    assert next(items).line == 1
    assert next(items).line == 2
    with pytest.raises(UnreadableError, match=r"^x\.jsonl line 3: not JSON: "):
        next(items)


@pytest.mark.parametrize("name", ["a.jsonl", "A.NDJSON"])
def test_a_file_named_as_json_lines_is_read_so_even_if_its_first_line_is_broken(name: str) -> None:
    with pytest.raises(UnreadableError, match="line 1: not JSON"):
        read(b'{"a":\n{"b":1}\n', name=name)


def test_a_declared_format_wins_over_the_name() -> None:
    (item,) = read(b"sku\n1\n", name="x.txt", declared=Format.CSV)

    assert item.payload == {"sku": "1"}


@pytest.mark.parametrize("name", ["standard input", "x.csv", "x.json"])
def test_csv_with_a_column_that_keys_a_product_is_known_by_its_header(name: str) -> None:
    assert read(b"name,sku\nx,1\n", name=name)[0].payload == {"name": "x", "sku": "1"}


def test_a_bad_line_of_json_lines_is_rejected_and_the_next_ones_are_read() -> None:
    content = b'{"a":1}\n{"a":NaN}\n{"a":\n{"a":"caf\xe9"}\n{"a":5}\n'
    contents = read_contents(Source("x.jsonl", io.BytesIO(content)), RULES)

    entries = list(contents.entries)

    assert [
        (entry.fault.line, entry.origin) if isinstance(entry, Rejected) else entry.line
        for entry in entries
    ] == [1, (2, b'{"a":NaN}'), (3, b'{"a":'), (4, b'{"a":"caf\xe9"}'), 5]


def test_a_bad_number_in_an_array_is_rejected_and_the_next_elements_are_read() -> None:
    content = b'[{"a":1},\n{"a":[Infinity]},\n{"a":3}]'
    contents = read_contents(Source("x.json", io.BytesIO(content)), RULES)

    first, bad, last = contents.entries

    assert isinstance(first, Item)
    assert isinstance(last, Item)
    assert isinstance(bad, Rejected)
    assert str(bad.fault) == "x.json line 2: a.0: Infinity is no JSON number"
    assert bad.origin == b'{"a":[Infinity]}'


def test_a_first_line_that_is_a_bad_one_makes_json_lines_of_the_rest() -> None:
    contents = read_contents(Source("x.json", io.BytesIO(b'{"a":NaN}\n{"a":2}\n')), RULES)

    assert [type(entry) for entry in contents.entries] == [Rejected, Item]
