"""What `send` does with a file's faults, before the broker, and after it."""

import gzip
import json
import os
import pty
import re
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from tests.worker.cli.conftest import Run

from onport_queue.flight import Answer, Dead, Delivered, Gate, Granted, Settlement
from onport_queue.names import Kind, Lane
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker

FAULTY = "sku,grams,name\n1,10,one\n2,heavy,two\n3,30,three\n,40,four\n5,50,five\n"
SHOPIFY = (
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
    "cap,Cap,Color,Red,CAP-R,19\ncap,,,Green,,18\ncap,,,Blue,CAP-B,x\nmug,Mug,,,MUG,9\n"
)


def names(queue: Queue, *skus: str) -> list[str]:
    """Return the names of the products that the queue holds."""
    views = [queue.show(Kind.PRODUCT, "default", f"sku={sku}") for sku in skus]
    return [json.loads(view.fragments[-1].body)["name"] for view in views if view is not None]


@contextmanager
def worker(queue: Queue, bad: str = "") -> Iterator[None]:
    """Deliver whatever comes while the context lasts, but for the job of one key, which dies."""
    ended = threading.Event()

    def work() -> None:
        prints = {"default": ("",), "uk": ("",)}
        gate = Gate(rate=1e6, batch_items=50, prints=prints)
        queue.look([Lane.LOW], prints=prints)
        while not ended.wait(0.01):
            claim = queue.claim(Lane.LOW, gate, secrets.token_hex(8))
            if isinstance(claim, Granted):
                verdicts = [Dead() if item.key == bad else Delivered() for item in claim.items]
                queue.settle(claim.lease, Settlement(verdicts, Answer.ACCEPTED, status="200"))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_what_is_rejected_does_not_stop_the_rest(run: Run, queue: Queue) -> None:
    Path("p.csv").write_text(FAULTY)

    result = run("send", "products", "p.csv")

    assert result.exit_code == 2
    assert result.stderr == (
        "onport-relay: p.csv line 3: grams: 'heavy' is no number, expected e.g. 12 or 9.95\n"
        "onport-relay: p.csv line 5: sku: empty, expected the product's key\n"
    )
    assert result.stdout.startswith("3 items accepted, 2 rejected; delivery expected by ")
    assert queue.stats().ledger.accepted == 3


@pytest.mark.parametrize("what", ["sale", "sale-update"])
def test_a_rejected_sale_does_not_stop_the_others(run: Run, queue: Queue, what: str) -> None:
    content = '{"externalId": 1}\n{"externalId": []}\n{}\n{"externalId": 4\n{"externalId": 5}\n'

    result = run("send", what, "-", stdin=content)

    assert result.exit_code == 2
    assert [line.partition(": ")[2] for line in result.stderr.splitlines()] == [
        "standard input line 2: externalId: expected a string or a whole number, got an array",
        "standard input line 3: externalId: missing",
        "standard input line 4: not JSON: Expecting ',' delimiter at column 17",
    ]
    assert queue.stats().ledger.accepted == 2


@pytest.mark.parametrize("what", ["products", "acknowledge", "disconnect"])
def test_an_item_that_can_not_be_keyed_is_rejected_with_its_line(
    run: Run, queue: Queue, what: str
) -> None:
    content = '{"sku": "1"}\n{"sku": [2]}\n"3"\n{"sku": "4"}\n'

    result = run("send", what, "-", "--json", stdin=content)

    assert result.exit_code == 2
    assert "standard input line 2: sku: expected " in result.stderr
    assert "standard input line 3: expected a JSON object, got a string" in result.stderr
    assert queue.stats().ledger.accepted == json.loads(result.stdout)["accepted"] == 2
    assert json.loads(result.stdout)["rejected"] == 2


def test_strict_makes_a_refused_item_the_end(run: Run, queue: Queue) -> None:
    content = '{"sku": "1"}\n' * 500 + '{"sku": [2]}\n{"sku": "3"}\n'

    result = run("send", "products", "-", "--strict", stdin=content)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("onport-relay: standard input line 501: sku: expected ")
    assert result.stderr.endswith("(the first 500 items were accepted)\n")
    assert queue.stats().ledger.accepted == 500


def test_of_many_faults_the_first_twenty_are_told(run: Run) -> None:
    Path("p.csv").write_text("sku,grams\n" + "1,heavy\n" * 100)

    result = run("send", "products", "p.csv")

    assert len(result.stderr.splitlines()) == 21
    assert result.stderr.endswith("line 21: grams: 'heavy' is no number, expected e.g. 12 or 9.95\n"
        "onport-relay: more was rejected; it is not told one by one\n"
    )  # fmt: skip
    assert result.stdout == "100 rejected: nothing was accepted.\n"


def test_a_rejects_file_can_be_mended_and_sent_again(run: Run, queue: Queue) -> None:
    Path("p.csv").write_text(FAULTY)

    run("send", "products", "p.csv", "--rejects", "rejects.csv")

    rejects = Path("rejects.csv")
    assert rejects.read_text() == (
        "sku,grams,name,rejected_because\n"
        "2,heavy,two,\"grams: 'heavy' is no number, expected e.g. 12 or 9.95\"\n"
        ',40,four,"sku: empty, expected the product\'s key"\n'
    )
    assert rejects.stat().st_mode & 0o777 == 0o600
    rejects.write_text(rejects.read_text().replace("2,heavy", "2,20").replace("\n,40", "\n4,40"))
    assert run("send", "products", "rejects.csv").exit_code == 0
    assert names(queue, "1", "2", "3", "4", "5") == ["one", "two", "three", "four", "five"]
    assert queue.stats().ledger.accepted == 5


def test_rejected_variants_are_written_with_the_product_that_they_need(
    run: Run, queue: Queue
) -> None:
    Path("p.csv").write_text(SHOPIFY)

    run("send", "products", "p.csv", "--rejects", "rejects.csv")

    rejects = Path("rejects.csv")
    assert rejects.read_text().splitlines()[1:] == [
        "cap,Cap,Color,Red,CAP-R,19,",
        'cap,,,Green,,18,"Variant SKU: empty, expected the product\'s key"',
        "cap,,,Blue,CAP-B,x,\"Variant Price: 'x' is no number, expected e.g. 12 or 9.95\"",
    ]
    mended = (
        rejects.read_text().replace("Green,,18", "Green,CAP-G,18").replace("CAP-B,x", "CAP-B,8")
    )
    rejects.write_text(mended)
    assert run("send", "products", "rejects.csv").exit_code == 0
    assert names(queue, "CAP-R", "CAP-G", "CAP-B") == ["Cap - Red", "Cap - Green", "Cap - Blue"]


def test_rejects_of_json_stand_as_they_were_one_a_line(run: Run) -> None:
    content = '[{"sku": "1"},\n {"sku":\n  [2]},\n {"sku": 3.5, "price": 1.50}]'

    run("send", "products", "-", "--rejects", "rejects.jsonl", stdin=content)

    assert Path("rejects.jsonl").read_text() == '{"sku":   [2]}\n{"sku": 3.5, "price": 1.50}\n'


def test_bytes_that_are_no_utf_8_are_written_as_they_were(run: Run) -> None:
    Path("p.csv").write_bytes(b"sku,name\n1,caf\xe9\n")

    run("send", "products", "p.csv", "--rejects", "rejects.csv")

    assert (
        b"\n1,caf\xe9,not UTF-8: byte 0xe9; save the file as UTF-8"
        in Path("rejects.csv").read_bytes()
    )


def test_an_item_that_the_relay_refuses_is_written_too(run: Run) -> None:
    long = "x" * 600
    Path("p.csv").write_text(f"sku,name\n{long},too long\n")

    run("send", "products", "p.csv", "--rejects", "rejects.csv")

    assert Path("rejects.csv").read_text().splitlines()[1] == (
        f"{long},too long,sku: longer than 512 bytes"
    )


def test_a_dry_run_shows_the_first_items_and_needs_no_broker(run_alone: Run) -> None:
    Path("p.csv.gz").write_bytes(gzip.compress(SHOPIFY.encode()))

    result = run_alone("send", "products", "p.csv.gz", "--dry-run")

    assert result.exit_code == 2
    assert result.stdout == (
        json.dumps(
            {
                "sku": "CAP-R",
                "name": "Cap - Red",
                "product": {"handle": "cap", "name": "Cap"},
                "price": 19,
                "options": [{"name": "Color", "value": "Red"}],
            },
            indent=2,
        )
        + "\n"
        + json.dumps(
            {"sku": "MUG", "name": "Mug", "product": {"handle": "mug", "name": "Mug"}, "price": 9},
            indent=2,
        )
        + "\n2 items read as shopify, 2 rejected; nothing was put.\n"
    )
    assert result.stderr.count("p.csv.gz line ") == 2


def test_a_dry_run_of_links_shows_them_as_onport_gets_them(run_alone: Run) -> None:
    item = {"sku": "s", "vendorSkus": [{"vendorSku": "v", "dropshipProviderId": 1}]}
    content = "\n".join(json.dumps({**item, "sku": f"s{number}"}) for number in range(2_000))

    result = run_alone("send", "acknowledge", "-", "--dry-run", "--json", stdin=content)

    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told.pop("first") == [{**item, "sku": f"s{number}"} for number in range(5)]
    assert told == {
        "format": "jsonl",
        "items": 2_000,
        "rejected": 0,
        "warnings": 0,
        "first_warning": "",
    }


def test_the_settings_map_the_columns_of_a_csv_file(run_alone: Run) -> None:
    Path("relay.toml").write_text(
        '[csv]\ndecimal = ","\n[csv.columns]\nArtikel = "sku"\n'
        'Preis = { field = "price", type = "number" }\n'
    )

    result = run_alone(
        "send", "products", "-", "--dry-run", "--json", stdin="Artikel;Preis;EK\nA1;9,95;4\n"
    )

    assert json.loads(result.stdout)["first"] == [{"sku": "A1", "price": 9.95}]


def test_a_mapping_that_is_none_is_told_with_the_others_faults(run_alone: Run) -> None:
    Path("relay.toml").write_text('[csv.columns]\nPreis = { field = "price", type = "money" }\n')

    result = run_alone("send", "products", "-", "--dry-run", stdin="sku\n1\n")

    assert result.exit_code == 2
    assert "csv.columns.Preis.type: Input should be 'text', 'number'" in result.stderr


def test_sent_again_after_an_interruption_nothing_is_there_twice(run: Run, queue: Queue) -> None:
    rows = "".join(f"{number},x\n" for number in range(1_200))
    Path("p.csv").write_text(f"sku,name\n{rows}")
    Path("half.csv").write_text(f"sku,name\n{rows[:3_000]}")

    run("send", "products", "half.csv")
    run("send", "products", "p.csv")

    assert queue.stats().pending == 1_200


def test_what_onport_has_is_not_sent_again_unless_forced(run: Run, queue: Queue) -> None:
    content = "sku,name\n" + "".join(f"{number},x\n" for number in range(100))
    Path("p.csv").write_text(content)
    with worker(queue):
        run("send", "products", "p.csv", "--wait")
    Path("p.csv").write_text(content.replace("7,x", "7,new"))

    again = run("send", "products", "p.csv")

    assert "100 items accepted (90 unchanged: Onport has them); " in again.stdout
    assert queue.stats().pending == 10
    run("send", "products", "p.csv", "--force")
    assert queue.stats().pending == 100


def test_waiting_for_what_is_unchanged_is_over_at_once(run: Run, queue: Queue) -> None:
    with worker(queue):
        run("send", "products", "-", "--wait", stdin='{"sku": "1"}')

    result = run("send", "products", "-", "--wait", stdin='{"sku": "1"}')

    assert (result.exit_code, result.stdout) == (
        0,
        "1 item accepted (1 unchanged: Onport has them); 0 delivered.\n",
    )


def test_wait_looks_into_the_account_of_the_channel(run: Run, redis_client: redis.Redis) -> None:
    channels = '{"uk": {"account": "two"}}'

    with worker(Queue(redis_client, "two")):
        result = run(
            *("send", "products", "-", "--channel", "uk", "--wait"),
            stdin='{"sku": "1"}',
            CHANNELS=channels,
        )

    assert result.stdout == "1 item accepted; 1 delivered.\n"


@pytest.mark.parametrize(
    ("bad", "code", "sentence"),
    [
        ("", 0, "120 items accepted; 120 delivered.\n"),
        ("product:default:sku=7", 1, "120 items accepted; 119 delivered, 1 dead.\n"),
    ],
)
def test_wait_returns_when_all_is_delivered_or_dead(
    run: Run, queue: Queue, bad: str, code: int, sentence: str
) -> None:
    content = "\n".join(json.dumps({"sku": str(number)}) for number in range(120))

    with worker(queue, bad):
        result = run("send", "products", "-", "--wait", stdin=content)

    assert (result.exit_code, result.stdout) == (code, sentence)
    assert queue.stats().unfinished == 0


def test_wait_waits_for_what_this_run_has_put_only(run: Run, queue: Queue) -> None:
    other = '{"other": {}}'
    run("send", "products", "-", "--channel", "other", stdin='{"sku": "1"}', CHANNELS=other)
    run("pause", "--channel", "other", CHANNELS=other)

    with worker(queue):
        result = run("send", "products", "-", "--wait", "--json", stdin='{"sku": "1"}')

    assert json.loads(result.stdout)["delivered"] == 1
    assert queue.stats().pending == 1


SEND = (sys.executable, "-P", "-m", "onport_worker.cli", "send", "products")


def test_ctrl_c_ends_the_waiting_and_not_the_delivery(broker_url: str, queue: Queue) -> None:
    with subprocess.Popen(
        [*SEND, "-", "--wait"],
        env={**os.environ, "ONPORT_RELAY_REDIS_URL": broker_url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b'{"sku": "1"}\n{"sku": "2"}\n')
        process.stdin.close()
        assert process.stderr.readline() == (
            b"onport-relay: no worker is at work: nothing is delivered until one is\n"
        )
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(timeout=30) == 130

    assert told == (
        b"onport-relay: interrupted; waiting ends, the delivery does not: 0 of 2 are delivered, "
        b"0 dead, 2 to go\n"
    )
    assert queue.stats().pending == 2


def test_a_broker_that_goes_away_ends_the_waiting_and_is_named(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, appendfsync="no") as broker:
        process = subprocess.Popen(
            [*SEND, "-", "--wait"],
            env={**os.environ, "ONPORT_RELAY_REDIS_URL": broker.url},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b'{"sku": "1"}\n')
        process.stdin.close()
        process.stderr.readline()

    with process:
        told = process.stderr.read()

    assert process.returncode == 1
    assert told.startswith(b"onport-relay: broker 127.0.0.1:")
    assert told.endswith(
        b"waiting ends, the delivery does not: 0 of 1 are delivered, 0 dead, 1 to go\n"
    )


def test_whoever_watches_sees_how_far_it_is_and_what_is_rejected_above_it(
    broker_url: str, queue: Queue
) -> None:
    Path("p.csv").write_text(FAULTY)
    ours, its = pty.openpty()

    with subprocess.Popen(
        [*SEND, "p.csv"],
        env={**os.environ, "ONPORT_RELAY_REDIS_URL": broker_url, "TERM": "xterm", "COLUMNS": "150"},
        stdout=subprocess.DEVNULL,
        stderr=its,
    ):
        os.close(its)
        shown = b""
        try:
            while piece := os.read(ours, 65_536):
                shown += piece
        except OSError:  # how a terminal ends
            pass
    os.close(ours)

    lines = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).replace(b"\r", b"\n").split(b"\n")
    assert b"onport-relay: p.csv line 3: grams: 'heavy' is no number, expected e.g. 12 or 9.95" in (
        lines
    )
    assert any(re.search(rb"^3 accepted .* 100% .*/s .* left ", line) for line in lines)
    assert queue.stats().ledger.accepted == 3
