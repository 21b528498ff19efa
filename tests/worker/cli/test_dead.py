import json
import os
import pty
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import redis
from tests.worker.cli.conftest import Run, bury, pass_hours, put

from onport_queue.names import Kind, Lane
from onport_queue.store import Queue

ADA = b'{"externalId": "1", "customer": {"name": "Ada"}}'


def dead(queue: Queue) -> list[str]:
    return [letter.key for letter in queue.dead()]


def bury_many(queue: Queue, many: int) -> None:
    for start in range(0, many, 500):
        keys = [f"sku={number}" for number in range(start, min(start + 500, many))]
        bury(queue, *keys, kind=Kind.PRODUCT, lane=Lane.LOW)


def answer_discard(broker_url: str, line: bytes) -> tuple[int, bytes, bytes]:
    """Run `dead discard --all` at a terminal, and answer its question."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, line)
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "onport_worker.cli", "dead", "discard", "--all"],
            env={**os.environ, "ONPORT_RELAY_REDIS_URL": broker_url},
            stdin=theirs,
            capture_output=True,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return ran.returncode, ran.stdout, ran.stderr


def test_letters_are_listed_the_newest_last_without_payloads(
    run: Run, queue: Queue, redis_client: redis.Redis
) -> None:
    bury(queue, "1", body=ADA)
    pass_hours(redis_client, 1)
    bury(queue, "2", status="poison")

    result = run("dead", "list")

    first, second = result.stdout.splitlines()[1:]
    assert result.exit_code == 0
    assert first.startswith("sale:default:1  sale  default  1 h 0 min ago")
    assert first.endswith("1  422     no such variant")
    assert second.startswith("sale:default:2")
    assert "Ada" not in result.output


def test_a_script_gets_a_line_for_each(run: Run, queue: Queue) -> None:
    bury(queue, "1", "2", body=ADA)

    result = run("dead", "list", "--json")

    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert second["key"] == "sale:default:2"
    assert datetime.fromisoformat(first.pop("died_at")).tzinfo is not None
    assert first == {
        "key": "sale:default:1",
        "kind": "sale",
        "channel": "default",
        "lane": "high",
        "attempts": 1,
        "last_status": "422",
        "last_text": "no such variant",
    }


def test_a_limit_keeps_the_newest(run: Run, queue: Queue) -> None:
    for key in ("1", "2", "3"):
        bury(queue, key)

    printed = run("dead", "list", "--limit", "2").stdout
    lines = run("dead", "list", "--limit", "2", "--json").stdout.splitlines()

    assert printed.endswith("The newest 2 of 3: --limit shows more.\n")
    assert [json.loads(line)["key"] for line in lines] == ["sale:default:2", "sale:default:3"]


def test_a_person_gets_the_newest_fifty_and_a_script_all(run: Run, queue: Queue) -> None:
    bury_many(queue, 60)

    assert "The newest 50 of 60: --limit shows more." in run("dead", "list").stdout
    assert len(run("dead", "list", "--json").stdout.splitlines()) == 60


def test_filters_choose_what_is_listed(run: Run, queue: Queue) -> None:
    bury(queue, "1", channel="uk")
    bury(queue, "2")

    options = ("--kind", "sale", "--channel", "uk", "--status", "422", "--since", "2h")
    (line,) = run("dead", "list", "--json", *options).stdout.splitlines()

    assert json.loads(line)["key"] == "sale:uk:1"


def test_that_nothing_is_dead_is_said_to_a_person_only(run: Run) -> None:
    assert run("dead", "list").stdout == "No dead letters.\n"
    assert run("dead", "list", "--json").stdout == ""


def test_a_filter_that_is_none_is_refused(run: Run) -> None:
    result = run("dead", "list", "--since", "yesterday")

    assert result.exit_code == 2
    assert result.stderr.startswith("onport-relay: --since 'yesterday': expected a whole number")


def test_a_dead_letter_is_shown_like_a_job(
    run: Run, queue: Queue, redis_client: redis.Redis
) -> None:
    bury(queue, "1", body=ADA)
    pass_hours(redis_client, 1)  # ages are told to the tenth of a second below ten

    result = run("dead", "show", "sale", "1")

    assert result.exit_code == 0
    assert result.stdout == run("show", "sale", "1").stdout
    assert "Ada" not in result.stdout
    assert json.loads(run("dead", "show", "sale", "1", "--payload", "--json").stdout)[
        "payload"
    ] == json.loads(ADA)


def test_a_job_that_is_not_dead_is_not_shown(run: Run, queue: Queue) -> None:
    put(queue, "1")

    result = run("dead", "show", "sale", "1")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "sale:default:1: not dead but pending; see `onport-relay show`" in result.stderr


def test_a_job_that_is_not_held_is_not_shown(run: Run) -> None:
    result = run("dead", "show", "sale", "1")

    assert result.exit_code == 1
    assert "sale '1' on channel default: no such job" in result.stderr


def test_a_replayed_letter_is_pending_and_its_lane_is_woken(
    run: Run, queue: Queue, redis_client: redis.Redis
) -> None:
    bury(queue, "1", "2")

    result = run("dead", "replay", "sale:default:1")

    assert (result.exit_code, result.stdout) == (0, "1 dead letter replayed.\n")
    assert queue.stats().pending == 1
    assert dead(queue) == ["sale:default:2"]
    assert redis_client.llen("onport-relay:celery:high") == 1


@pytest.mark.parametrize(
    ("command", "done"), [(["replay"], "replayed"), (["discard", "--yes"], "discarded")]
)
def test_filters_choose_what_is_changed(
    run: Run, queue: Queue, command: list[str], done: str
) -> None:
    bury(queue, "1", channel="uk")
    bury(queue, "2")

    result = run("dead", *command, "--channel", "uk")

    assert result.stdout == f"1 dead letter {done}.\n"
    assert dead(queue) == ["sale:default:2"]


@pytest.mark.parametrize(
    ("command", "done"), [(["replay"], "replayed"), (["discard", "--yes"], "discarded")]
)
def test_more_letters_than_one_call_takes_are_all_changed(
    run: Run, queue: Queue, command: list[str], done: str
) -> None:
    bury_many(queue, 1_001)

    result = run("dead", *command, "--all")

    assert (result.exit_code, result.stdout) == (0, f"1,001 dead letters {done}.\n")
    assert dead(queue) == []
    assert queue.stats().imbalance == 0


@pytest.mark.parametrize("command", [["replay"], ["discard", "--yes"]])
def test_keys_that_name_no_dead_letter_are_told_and_the_others_changed(
    run: Run, queue: Queue, command: list[str]
) -> None:
    bury(queue, "1")

    result = run("dead", *command, "sale:default:1", "sale:default:2")

    assert result.exit_code == 1
    assert result.stderr == (
        "onport-relay: sale:default:2: no such dead letter; expected a key as `dead list` prints\n"
    )
    assert dead(queue) == []


@pytest.mark.parametrize("command", [["replay"], ["discard", "--yes"]])
@pytest.mark.parametrize("choice", [[], ["--all", "--kind", "sale"], ["--all", "sale:default:1"]])
def test_a_choice_that_is_none_is_refused(
    run: Run, queue: Queue, command: list[str], choice: list[str]
) -> None:
    bury(queue, "1")

    result = run("dead", *command, *choice)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected keys as `dead list` prints them, filters, or --all" in result.stderr
    assert dead(queue) == ["sale:default:1"]


def test_where_nobody_can_answer_nothing_is_discarded(run: Run, queue: Queue) -> None:
    bury(queue, "1")

    result = run("dead", "discard", "--all", stdin="y\n")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected a terminal, or --yes" in result.stderr
    assert dead(queue) == ["sale:default:1"]


def test_a_yes_at_the_terminal_discards(broker_url: str, queue: Queue) -> None:
    bury(queue, "1", "2")

    code, printed, asked = answer_discard(broker_url, b"y\n")

    assert (code, printed.strip()) == (0, b"2 dead letters discarded.")
    assert b"Discard 2 dead letters? [y/N]" in asked
    assert dead(queue) == []


def test_a_no_at_the_terminal_discards_nothing(broker_url: str, queue: Queue) -> None:
    bury(queue, "1")

    code, printed, asked = answer_discard(broker_url, b"\n")

    assert (code, printed.strip()) == (1, b"")
    assert b"nothing was discarded" in asked
    assert dead(queue) == ["sale:default:1"]


def test_discarded_letters_are_counted(run: Run, queue: Queue) -> None:
    bury(queue, "1")

    run("dead", "discard", "--all", "--yes")

    assert (queue.stats().ledger.discarded, queue.stats().imbalance) == (1, 0)


def test_an_export_holds_what_each_letter_carries(run: Run, queue: Queue) -> None:
    bury(queue, "1", body=ADA)

    result = run("dead", "export", "letters.jsonl")

    assert (result.exit_code, result.stdout) == (0, "1 dead letter exported to letters.jsonl.\n")
    (line,) = Path("letters.jsonl").read_text().splitlines()
    written = json.loads(line)
    assert list(written) == [
        *("key", "kind", "channel", "lane", "died_at", "attempts", "last_status", "last_text"),
        "payload",
    ]
    assert (written["key"], written["payload"]) == ("sale:default:1", json.loads(ADA))


def test_an_export_to_standard_output_is_nothing_but_lines(run: Run, queue: Queue) -> None:
    bury_many(queue, 501)

    result = run("dead", "export", "-", "--kind", "product")

    keys = [json.loads(line)["key"] for line in result.stdout.splitlines()]
    assert keys == dead(queue)
    assert result.stderr == ""


def test_an_export_of_variants_holds_their_wishes(run: Run, queue: Queue) -> None:
    run("send", "acknowledge", "-", stdin='{"sku": "s", "vendorSkus": [{"vendorSku": "v"}]}')
    bury(queue)

    (line,) = run("dead", "export", "-").stdout.splitlines()

    assert json.loads(line)["payload"] == [{"wish": "acknowledge", "link": {"vendorSku": "v"}}]


def test_an_export_does_not_overwrite(run: Run) -> None:
    Path("letters.jsonl").write_text("mine")

    result = run("dead", "export", "letters.jsonl")

    assert result.exit_code == 2
    assert result.stderr == "onport-relay: letters.jsonl: exists already, expected a new file\n"
