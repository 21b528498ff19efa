import json
from dataclasses import replace

import pytest
from tests.worker.cli.conftest import Run

from onport_queue.clock import SystemClock
from onport_queue.flight import Gate, Granted, Retry, Settlement
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
from onport_queue.store import Queue


def fail_once(queue: Queue, lane: Lane) -> None:
    granted = queue.claim(lane, Gate(rate=1e6), "lease")
    assert isinstance(granted, Granted)
    queue.settle("lease", Settlement([Retry(60_000)], status="503", text="busy\x1b[2J"))


def test_a_job_is_shown_without_its_payload(run: Run) -> None:
    run("send", "sale", "-", stdin='{"externalId": "1001", "customer": {"name": "Ada"}}')

    result = run("show", "sale", "1001")

    assert result.exit_code == 0
    assert (
        "job          sale:default:1001\nstate        pending\nlane         high" in result.stdout
    )
    assert "Ada" not in result.stdout


def test_a_job_that_failed_tells_attempts_last_answer_and_when_it_is_due(
    run: Run, queue: Queue
) -> None:
    run("send", "sale", "-", stdin='{"externalId": "1001"}')
    fail_once(queue, Lane.HIGH)

    printed = run("show", "sale", "1001").stdout
    found = json.loads(run("show", "sale", "1001", "--json").stdout)

    assert "last answer  503 busy" in printed
    assert "\x1b" not in printed
    assert (found["state"], found["attempts"], found["last_status"]) == ("delayed", 1, "503")
    assert 50_000 < found["due_in_ms"] <= 60_000


def test_a_payload_is_shown_folded_when_asked_for(run: Run) -> None:
    run("send", "sale", "-", stdin='{"externalId": "1", "a": 1}')
    run("send", "sale-update", "--partial", "-", stdin='{"externalId": "1", "b": 2}')

    found = json.loads(run("show", "sale", "1", "--payload", "--json").stdout)

    assert found["payload"] == {"externalId": "1", "a": 1, "b": 2}
    assert '"b": 2' in run("show", "sale", "1", "--payload").stdout


@pytest.mark.parametrize("kind", ["acknowledge", "disconnect"])
def test_the_links_of_a_variant_are_shown_with_their_wishes(run: Run, kind: str) -> None:
    run("send", "acknowledge", "-", stdin='{"sku": "s", "vendorSkus": [{"vendorSku": "v"}]}')

    found = json.loads(run("show", kind, "s", "--payload", "--json").stdout)

    assert found["payload"] == [{"wish": "acknowledge", "link": {"vendorSku": "v"}}]


@pytest.mark.parametrize("key", ["s1", "sku=s1"])
def test_a_product_is_found_by_its_sku(run: Run, key: str) -> None:
    run("send", "products", "-", stdin='{"sku": "s1"}')

    assert (
        json.loads(run("show", "product", key, "--json").stdout)["key"] == "product:default:sku=s1"
    )


def test_a_job_that_is_not_held_exits_1(run: Run) -> None:
    result = run("show", "sale", "1")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "no such job; delivered ones are no longer held" in result.stderr


def test_a_key_that_is_not_utf_8_is_held_by_no_job(run: Run) -> None:
    result = run("show", "sale", "caf\udce9")

    assert result.exit_code == 1
    assert "no such job" in result.stderr


def test_a_channel_that_is_no_name_is_refused(run: Run) -> None:
    result = run("show", "sale", "1", "--channel", "uk:x")

    assert result.exit_code == 2
    assert result.stderr.startswith("onport-relay: --channel 'uk:x' is no name")


def test_what_was_put_ahead_of_its_time_is_shown(run: Run, queue: Queue) -> None:
    due_ms = round(SystemClock().wall().timestamp() * 1000) + 3_600_000
    batch = PutBatch(b"1", Kind.SALE, "default", Lane.HIGH, [Job("1", b'{"note":"secret"}')])
    queue.put(replace(batch, not_before_ms=due_ms))

    shown = run("show", "sale", "1").stdout
    assert "state        delayed\n" in shown
    assert "put ahead    due in " in shown
    assert "secret" not in shown
    found = json.loads(run("show", "sale", "1", "--payload", "--json").stdout)
    assert [put["payload"] for put in found["later"]] == [{"note": "secret"}]
    assert found["payload"] is None
