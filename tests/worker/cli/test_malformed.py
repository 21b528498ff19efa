"""Malformed input to every command: one clear line naming the place, exit code 2."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.worker.cli.conftest import Run

from onport_queue.store import Queue

WHATS = ["sale", "sale-update", "products", "acknowledge", "disconnect"]
GOOD = b'{"externalId": "%d", "sku": "%d"}\n'
SIX = b"".join(GOOD % (number, number) for number in range(6))
MB = 1_000_000

FAULTS: dict[str, tuple[str, bytes, str]] = {
    "empty": ("x.json", b"", "x.json: empty"),
    "blank": ("x.json", b"\n \n", "x.json: empty"),
    "broken line 7": ("x.jsonl", SIX + b'{"externalId": \n', "x.jsonl line 7: not JSON: Expecting"),
    "broken element": ("x.json", b"[\n" + GOOD % (1, 1) + b",\n{,}]", "x.json line 4: not JSON: "),
    "cut": ("x.json", b"[" + GOOD % (1, 1), "x.json line 2: not JSON: the array is not closed"),
    "10 MB line": (
        "x.jsonl",
        SIX + b'{"externalId": "' + b"x" * 10 * MB + b'"}\n',
        "x.jsonl line 7: longer than 10,000,000 bytes",
    ),
    "10 MB element": (
        "x.json",
        b"[" + GOOD % (1, 1) + b',{"a": "' + b"x" * 10 * MB + b'"}]',
        "x.json line 2: a value longer than 10,000,000 bytes",
    ),
    "not UTF-8": ("x.jsonl", SIX + b'{"sku": "caf\xe9"}\n', "x.jsonl line 7: not UTF-8: byte 0xe9"),
    "NaN": (
        "x.jsonl",
        SIX + b'{"externalId": 1, "sku": 1, "a": [NaN]}\n',
        "x.jsonl line 7: a.0: NaN is no JSON number",
    ),
    "not an object": (
        "x.jsonl",
        SIX + b"[1]\n",
        "x.jsonl line 7: expected a JSON object, got an array",
    ),
    "neither": ("x.txt", b"hello\n", "x.txt: begins like neither JSON nor CSV with"),
}


def told(result_stderr: str) -> str:
    (line,) = result_stderr.splitlines()
    assert line.startswith("onport-relay: ")
    return line.removeprefix("onport-relay: ")


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_malformed_file_is_one_line_and_exit_2(
    run: Run, queue: Queue, what: str, fault: str
) -> None:
    name, content, message = FAULTS[fault]
    Path(name).write_bytes(content)

    result = run("send", what, name, "--strict")

    line = told(result.stderr)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in line
    accepted = queue.stats().ledger.accepted
    assert {0: "nothing was", 1: "first item was"}.get(
        accepted, f"first {accepted:,} items"
    ) in line


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _path: None, "no such file"),
        (lambda path: path.mkdir(), "a directory, expected a file"),
    ],
    ids=["missing", "directory"],
)
def test_what_is_no_file_is_one_line_and_exit_2(
    run: Run, what: str, make: Callable[[Path], None], message: str
) -> None:
    make(Path("orders"))

    result = run("send", what, "orders")

    assert result.exit_code == 2
    assert told(result.stderr) == f"orders: {message}"


@pytest.mark.parametrize(
    ("what", "bad", "message"),
    [
        (
            "sale",
            b'{"externalId": 1, "lineItems": [{"quantity": "two"}]}',
            "lineItems.0.quantity: ",
        ),
        ("sale-update", b'{"saleDefaults": {}}', "externalId: missing"),
        (
            "products",
            b'{"sku": 1, "inventoryQuantity": "two"}',
            "inventoryQuantity: expected a num",
        ),
        ("acknowledge", b'{"sku": 1, "vendorSkus": [{}]}', "vendorSkus.0.vendorSku: missing"),
        ("disconnect", b'{"vendorSkus": []}', "sku: missing"),
    ],
)
def test_a_field_of_another_type_is_named_with_its_line(
    run: Run, what: str, bad: bytes, message: str
) -> None:
    Path("x.jsonl").write_bytes(SIX + bad)

    result = run("send", what, "x.jsonl")

    assert result.exit_code == 2
    assert f"x.jsonl line 7: {message}" in told(result.stderr)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"name\nx\n", (), "x.csv line 1: no column externalId or sku"),
        (b"sku\n1\n", ("--key", "StockCode"), "x.csv line 1: no column StockCode"),
        (b"sku,inventoryQuantity\n1,two\n", (), "x.csv line 2: inventoryQuantity: 'two' is no num"),
        (b"sku,name\n1\n", (), "x.csv line 2: 1 cells, expected 2"),
        (b"sku,name\n1,caf\xe9\n", (), "x.csv line 2: not UTF-8"),
        (
            b"sku,name\n1," + b"x" * 10 * MB + b"\n",
            (),
            "x.csv line 2: longer than 10,000,000 bytes",
        ),
        (b'sku,name\n1,"x\n', (), "x.csv line 2: not CSV"),
        (b"", (), "x.csv: empty"),
    ],
    ids=range(8),
)
def test_a_malformed_csv_file_is_one_line_and_exit_2(
    run: Run, content: bytes, options: tuple[str, ...], message: str
) -> None:
    Path("x.csv").write_bytes(content)

    result = run("send", "products", "x.csv", "--strict", *options)

    assert result.exit_code == 2
    assert message in told(result.stderr)
    assert "(nothing was accepted)" in told(result.stderr)


SETTINGS_FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _path: None, "my.toml: no such settings file"),
    "directory": (lambda path: path.mkdir(), "my.toml: no such settings file"),
    "broken": (lambda path: path.write_text("rate = \n"), "my.toml: "),
    "not UTF-8": (lambda path: path.write_bytes(b'account = "caf\xe9"\n'), "my.toml: "),
    "unknown": (lambda path: path.write_text("speed = 1\n"), "speed: no such setting"),
    "not a number": (lambda path: path.write_text('rate = "fast"\n'), "rate: "),
}


@pytest.mark.parametrize("fault", SETTINGS_FAULTS)
@pytest.mark.parametrize(
    "command",
    [
        *(["demo"], ["up"], ["send", "sale", "x.json"], ["status"], ["show", "sale", "1"]),
        *(["pause"], ["resume"], ["rate"], ["dead", "list"], ["dead", "export", "-"]),
    ],
    ids=" ".join,
)
def test_malformed_settings_are_one_line_and_exit_2(
    run: Run, command: list[str], fault: str
) -> None:
    make, message = SETTINGS_FAULTS[fault]
    make(Path("my.toml"))
    Path("x.json").write_text("{}")

    result = run("--config", "my.toml", *command)

    assert result.exit_code == 2
    assert told(result.stderr).startswith(message)
