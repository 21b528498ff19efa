import json

import redis
from tests.worker.cli.conftest import Run, put

from onport_queue.flight import Answer, Gate, Granted, Released, Settlement
from onport_queue.names import Lane
from onport_queue.store import Queue


def test_an_empty_relay_balances(run: Run) -> None:
    result = run("status")

    assert result.exit_code == 0
    assert "Drain      nothing is pending" in result.stdout
    assert "Imbalance  0\n" in result.stdout


def test_a_script_gets_lanes_rate_and_drain_time(run: Run, queue: Queue) -> None:
    run("send", "products", "-", stdin="".join(f'{{"sku": {n}}}\n' for n in range(101)))
    run("send", "sale", "-", stdin='{"externalId": 1}\n{"externalId": 2}')
    queue.set_rate(2)

    found = json.loads(run("status", "--json", RATE="20").stdout)

    assert found["lanes"] == {"high": {"pending": 2}, "low": {"pending": 101}}
    assert found["rate"] == {"configured": 20.0, "set": 2.0, "allowed": 2.0, "limit": None}
    # Three requests for 101 products, one for each sale.
    assert found["requests_left"] == 5
    assert found["expected_drain_s"] == 2.5
    assert found["ledger"]["accepted"] == 103
    assert found["imbalance"] == 0


def test_a_script_gets_the_forecast(run: Run, queue: Queue) -> None:
    put(queue, "1", "2")
    queue.look([Lane.HIGH], worker="high@host")

    found = json.loads(run("status", "--json").stdout)["forecast"]

    stream = {"lane": "high", "channel": "default", "kind": "sale"}
    assert found["streams"] == [stream | {"in_s": 0.2, "until": None}]
    assert found["new_jobs"] == [
        {"lane": "high", "channel": "default", "in_s": 0.3, "until": None},
        {"lane": "low", "channel": "default", "in_s": 0.3, "until": None},
    ]


def test_a_script_gets_pauses_with_their_end_their_cause_and_what_is_behind(
    run: Run, queue: Queue
) -> None:
    put(queue, "1", "2")
    queue.pause("account", 60, "stocktaking")
    queue.pause("lane:low", None, "")

    found = json.loads(run("status", "--json").stdout)["pauses"]

    assert {
        pause["scope"]: (pause["cause"], pause["left_ms"] is None, pause["behind"])
        for pause in found
    } == {"account": ("operator", False, 2), "lane:low": ("operator", True, 0)}


def test_a_script_gets_the_next_probe_of_what_is_refused(run: Run, queue: Queue) -> None:
    put(queue, "1")
    assert isinstance(queue.claim(Lane.HIGH, Gate(rate=10), "lease"), Granted)
    queue.settle("lease", Settlement([Released()], Answer.DENIED, status="401"))

    (found,) = json.loads(run("status", "--json").stdout)["pauses"]

    assert (found["scope"], found["cause"], found["left_ms"]) == (
        "channel:default",
        "refused",
        None,
    )
    assert 290_000 < found["next_probe_ms"] <= 300_000


def test_a_script_gets_events_the_newest_first(run: Run) -> None:
    run("rate", "5")
    run("pause")

    found = json.loads(run("status", "--json").stdout)["events"]

    assert [event.pop("ago_ms") >= 0 for event in found] == [True, True]
    assert found == [
        {"name": "paused", "scope": "account", "cause": "operator"},
        {"name": "rate_set", "to": 5.0},
    ]


def test_a_script_is_told_that_there_is_no_outage_and_that_no_size_was_learnt(run: Run) -> None:
    found = json.loads(run("status", "--json").stdout)

    assert (found["outage"], found["sizes"]) == (None, [])


def test_a_person_gets_the_same(run: Run, queue: Queue) -> None:
    run("send", "products", "-", stdin='{"sku": 1}')
    queue.pause("account", 60, "stocktaking")

    printed = run("status").stdout

    assert f"Pending    0 {Lane.HIGH}, 1 {Lane.LOW}" in printed
    assert "Paused     the whole account, stocktaking (by an operator): until " in printed
    assert "Drain      1 request left: about 0.1 s, not counting pauses" in printed
    assert " ago: the whole account was paused (by an operator)\n" in printed
    assert "low   default  product  1" in printed


def test_books_that_do_not_balance_exit_1(run: Run, redis_client: redis.Redis) -> None:
    run("send", "products", "-", stdin='{"sku": 1}')
    redis_client.hincrby("onport-relay:{default}:ledger", "accepted", 1)

    result = run("status")

    assert result.exit_code == 1
    assert "Imbalance  1: a defect of the relay" in result.stdout


def test_a_queue_that_a_newer_release_has_written_is_refused(
    run: Run, redis_client: redis.Redis
) -> None:
    redis_client.hset("onport-relay:{default}:meta", "format", 2)
    result = run("status")
    assert result.exit_code == 2
    assert result.stderr.startswith("onport-relay: the queue in Redis is of format 2, ")
