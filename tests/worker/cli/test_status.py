import json

import redis
from tests.worker.cli.conftest import Run

from onport_queue.names import Lane
from onport_queue.store import Queue


def test_an_empty_relay_balances(run: Run) -> None:
    result = run("status")

    assert result.exit_code == 0
    assert "Drain      nothing is pending" in result.stdout
    assert "Imbalance  0\n" in result.stdout


def test_a_script_gets_lanes_rate_pauses_and_drain_time(run: Run, queue: Queue) -> None:
    run("send", "products", "-", stdin="".join(f'{{"sku": {n}}}\n' for n in range(101)))
    run("send", "sale", "-", stdin='{"externalId": 1}\n{"externalId": 2}')
    queue.set_rate(2)
    queue.pause("account", 60, "429: the endpoint throttles")
    queue.pause("lane:low", None, "by hand")

    found = json.loads(run("status", "--json", RATE="20").stdout)

    assert found["lanes"] == {"high": {"pending": 2}, "low": {"pending": 101}}
    assert found["rate"] == {"configured": 20.0, "lowered_to": 2.0, "allowed": 2.0}
    assert {pause["scope"]: pause["left_ms"] is None for pause in found["pauses"]} == {
        "account": False,
        "lane:low": True,
    }
    # Three requests for 101 products, one for each sale.
    assert found["requests_left"] == 5
    assert found["expected_drain_s"] == 2.5
    assert found["ledger"]["accepted"] == 103
    assert found["imbalance"] == 0


def test_a_person_gets_the_same(run: Run, queue: Queue) -> None:
    run("send", "products", "-", stdin='{"sku": 1}')
    queue.pause("account", 60, "429: the endpoint throttles")

    printed = run("status").stdout

    assert f"Pending    0 {Lane.HIGH}, 1 {Lane.LOW}" in printed
    assert "Paused     account: 429: the endpoint throttles (60 s left" in printed or (
        "Paused     account: 429: the endpoint throttles (1 min 0 s left" in printed
    )
    assert "Drain      1 requests left: about 0.1 s, not counting pauses" in printed
    assert "low   default  product  1" in printed


def test_books_that_do_not_balance_exit_1(run: Run, redis_client: redis.Redis) -> None:
    run("send", "products", "-", stdin='{"sku": 1}')
    redis_client.hincrby("onport-relay:{default}:ledger", "accepted", 1)

    result = run("status")

    assert result.exit_code == 1
    assert "Imbalance  1: a defect of the relay" in result.stdout
