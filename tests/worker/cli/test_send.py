import json
import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from tests.worker.cli.conftest import Run

from onport_queue.clock import SystemClock
from onport_queue.names import Kind, Lane
from onport_queue.store import Queue
from onport_worker.cli.outcome import ALL_WARNINGS


def body(queue: Queue, kind: Kind, key: str, channel: str = "default") -> bytes:
    view = queue.show(kind, channel, key)
    assert view is not None
    return view.fragments[-1].body


@pytest.mark.parametrize(
    "content",
    [
        b'{"externalId":"1", "total": 1.50}',
        b'[{"externalId":"1", "total": 1.50}]',
        b'{"externalId":"1", "total": 1.50}\n{"externalId":"2"}\n',
    ],
)
@pytest.mark.parametrize("what", ["sale", "sale-update"])
def test_sales_are_put_byte_for_byte(run: Run, queue: Queue, what: str, content: bytes) -> None:
    result = run("send", what, "-", stdin=content)

    assert result.exit_code == 0
    assert body(queue, Kind.SALE, "1") == b'{"externalId":"1", "total": 1.50}'


@pytest.mark.parametrize(("what", "lane"), [("sale", Lane.HIGH), ("sale-update", Lane.LOW)])
def test_new_sales_go_before_updates(run: Run, queue: Queue, what: str, lane: Lane) -> None:
    run("send", what, "-", stdin='{"externalId": 1}')

    assert queue.stats().pending_in(lane) == 1


def test_a_partial_update_is_laid_over_the_sale(run: Run, queue: Queue) -> None:
    run("send", "sale", "-", stdin='{"externalId": 1, "a": 1}')
    run("send", "sale-update", "--partial", "-", stdin='{"externalId": 1, "b": 2}')

    view = queue.show(Kind.SALE, "default", "1")
    assert view is not None
    assert [fragment.tag for fragment in view.fragments] == ["F", "P"]


@pytest.mark.parametrize("what", ["acknowledge", "disconnect"])
def test_links_are_put(run: Run, queue: Queue, what: str) -> None:
    content = '[{"sku": "s", "vendorSkus": [{"vendorSku": "v", "dropshipProviderId": 1}]}]'

    assert run("send", what, "-", stdin=content).exit_code == 0
    assert queue.stats().streams[0].kind == what


def test_a_csv_file_of_products_is_keyed_by_the_column_named(run: Run, queue: Queue) -> None:
    Path("p.csv").write_text("StockCode,sku,grams\n85123A,s1,12\n")

    options = ("--key", "StockCode", "--channel", "uk")
    result = run("send", "products", "p.csv", *options, CHANNELS='{"uk":{}}')

    assert result.exit_code == 0
    assert json.loads(body(queue, Kind.PRODUCT, "StockCode=85123A", "uk")) == {
        "StockCode": "85123A",
        "sku": "s1",
        "grams": 12,
    }


def test_the_summary_is_a_sentence(run: Run) -> None:
    content = '{"sku": "1"}\n{"sku": "1"}\n{"name": "x"}\n'

    result = run("send", "products", "-", stdin=content)

    assert result.stdout.startswith(
        "3 items accepted (1 folded into jobs that were not sent yet, 1 with warnings, the first "
        "product:default:content="
    )
    assert (
        ": carries none of externalId, sku: keyed by its content, so it never folds); delivery "
        "expected by "
    ) in result.stdout
    assert result.stdout.endswith(f"{ALL_WARNINGS}\n")
    assert result.stderr == ""


def test_what_has_warnings_is_told_with_its_line_as_the_summary_says(run_alone: Run) -> None:
    content = '[{"externalId": 1},\n{"externalId": 2}]'

    result = run_alone("send", "sale", "-", "--dry-run", stdin=content)
    strict = run_alone("send", "sale", "-", "--dry-run", stdin=content, VALIDATION="strict")

    assert (
        "2 items read as json, 2 with warnings, the first sale:default:1: lineItems: empty; a sale "
        f"without lines routes nothing; nothing was put.\n{ALL_WARNINGS}\n"
    ) in result.stdout
    assert strict.stderr.splitlines() == [
        f"onport-relay: standard input line {line}: lineItems: empty; a sale without lines routes "
        "nothing"
        for line in (1, 2)
    ]


def test_the_summary_is_one_object_for_a_script(run: Run) -> None:
    result = run("send", "sale", "-", "--json", stdin='[{"externalId": 1}, {"externalId": 1}]')

    summary = json.loads(result.stdout)
    assert summary.pop("expected_at") is not None
    assert summary == {
        "accepted": 2,
        "rejected": 0,
        "folded": 1,
        "superseded": 0,
        "unchanged": 0,
        "delayed": 0,
        "warnings": 2,
        "first_warning": "sale:default:1: lineItems: empty; a sale without lines routes nothing",
        "fault": None,
    }


def test_a_file_without_items_is_said_to_have_none(run: Run) -> None:
    result = run("send", "products", "-", stdin="[]")

    assert (result.exit_code, result.stdout) == (
        0,
        "The file holds no items: nothing was accepted.\n",
    )


def test_strict_stops_at_the_first_fault_and_tells_what_was_accepted_before_it(
    run: Run, queue: Queue
) -> None:
    lines = [f'{{"sku": "{number}"}}' for number in range(3_510)]
    Path("p.jsonl").write_text("\n".join([*lines, "{"]))

    result = run("send", "products", "p.jsonl", "--strict", "--json")

    assert result.exit_code == 2
    assert result.stderr.startswith("onport-relay: p.jsonl line 3511: not JSON: ")
    assert result.stderr.endswith("(the first 3,500 items were accepted)\n")
    assert queue.stats().ledger.accepted == 3_500
    summary = json.loads(result.stdout)
    assert summary["accepted"] == 3_500
    assert summary["fault"].startswith("p.jsonl line 3511: not JSON")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sale", "x.json", "--partial"], "--partial: only for sale-update, not for sale"),
        (["sale", "x.csv"], "x.csv: CSV holds products only; expected JSON for sale"),
        (["sale", "-", "--format", "csv"], "-: CSV holds products only"),
        (["sale", "-", "--format", "shopify"], "-: CSV holds products only"),
        (
            ["sale", "x.json", "--dry-run", "--wait"],
            "--wait: waits for a delivery, which --dry-run",
        ),
        (["sale", "x.json", "--rejects", "x.json"], "--rejects x.json: the file that is read"),
        (["sale", "x.json", "--rejects", "no/x"], "--rejects no/x: can't be written: No such file"),
        (["products", "x.json", "--key", "sku"], "--key sku: names a field of a CSV file"),
        (["sale", "x.json", "--channel", "Über uns"], "--channel 'Über uns' is no name"),
    ],
)
def test_options_that_do_not_go_together_exit_2(
    run: Run, arguments: list[str], message: str
) -> None:
    Path("x.json").write_text("{}")

    result = run("send", *arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"onport-relay: {message}")


def test_a_broker_that_is_away_exits_1(run_alone: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"redis://:hunter2@127.0.0.1:{taken.getsockname()[1]}/0"

        result = run_alone("send", "sale", "-", stdin='{"externalId": 1}', REDIS_URL=url)

    assert result.exit_code == 1
    assert "(nothing was accepted; whether what followed was is unknown" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize("url", ["redis://:hun#ter2@h:1", "redis://:hunter2@h:port/0"])
def test_an_address_that_is_none_exits_2_and_is_not_shown(run_alone: Run, url: str) -> None:
    result = run_alone("send", "sale", "-", stdin='{"externalId": 1}', REDIS_URL=url)

    assert result.exit_code == 2
    assert result.stderr.startswith("onport-relay: redis_url: expected redis://")
    assert "ter2" not in result.output


def test_without_a_broker_it_says_how_to_get_one(run_alone: Run) -> None:
    result = run_alone("send", "sale", "-", stdin="{}")

    assert result.exit_code == 2
    assert "redis_url: missing, and no `onport-relay up` runs in .relay" in result.stderr


def test_what_could_steer_the_terminal_is_not_printed(run: Run) -> None:
    result = run("send", "sale", "-", stdin='{"externalId": 1, "\\u001b[2J": NaN}')

    assert "\x1b" not in result.output


def test_ctrl_c_tells_what_was_accepted_and_exits_130(broker_url: str, queue: Queue) -> None:
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "onport_worker.cli", "send", "sale", "-"],
        env={**os.environ, "ONPORT_RELAY_REDIS_URL": broker_url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b'{"externalId": 1}\n{"externalId": 2}\n{}\n')
        process.stdin.flush()
        # It tells of the third once it has heard that the second was taken.
        rejected = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate(timeout=30)

    assert b"externalId" in rejected
    assert process.returncode == 130
    assert (printed, told) == (
        b"",
        b"onport-relay: interrupted (the first 2 items were accepted)\n",
    )
    assert queue.stats().ledger.accepted == 2


@pytest.mark.parametrize(
    ("what", "item"),
    [
        ("sale", {"externalId": 1}),
        ("sale-update", {"externalId": 1}),
        ("products", {"sku": "1"}),
        ("acknowledge", {"sku": "1", "vendorSkus": []}),
        ("disconnect", {"sku": "1", "vendorSkus": []}),
    ],
)
def test_what_is_not_due_yet_is_put_aside(
    run: Run, queue: Queue, what: str, item: dict[str, object]
) -> None:
    due = (SystemClock().wall() + timedelta(hours=2)).isoformat()

    result = run("send", what, "-", "--json", "--not-before", due, stdin=json.dumps(item))

    summary = json.loads(result.stdout)
    assert (summary["delayed"], summary["expected_at"]) == (1, due)
    stats = queue.stats()
    assert (stats.pending, stats.delayed) == (0, 1)
    assert stats.next_due_ms is not None
    assert 7_190_000 < stats.next_due_ms <= 7_200_000


def test_a_time_that_is_over_is_refused_and_so_is_waiting_for_one(run_alone: Run) -> None:
    over = run_alone("send", "sale", "-", "--not-before", "2026-01-01", stdin="{}")
    waits = run_alone("send", "sale", "-", "--not-before", "2999-01-01", "--wait", stdin="{}")

    assert (over.exit_code, waits.exit_code) == (2, 2)
    assert "--not-before '2026-01-01': is over" in over.stderr
    assert "--wait: waits for a delivery, which --not-before puts off" in waits.stderr
