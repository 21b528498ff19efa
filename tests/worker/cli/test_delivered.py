import csv
import secrets
from io import StringIO

import redis
from tests.worker.cli.conftest import FAST, Run, pass_hours, put

from onport_queue.clock import SystemClock
from onport_queue.flight import Delivered, Granted, Retry, Settlement, Verdict
from onport_queue.names import Kind, Lane
from onport_queue.store import Queue


def answer(queue: Queue, verdict: Verdict, status: str) -> None:
    """Let whatever is claimed next be answered so."""
    while not isinstance(claim := queue.claim(Lane.LOW, FAST, secrets.token_hex(8)), Granted):
        pass
    queue.settle(claim.lease, Settlement([verdict] * len(claim.items), status=status))


def rows(printed: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(printed)))


def test_what_was_delivered_is_told_with_time_status_and_attempts(run: Run, queue: Queue) -> None:
    put(queue, "1")
    answer(queue, Retry(0), "503")
    answer(queue, Delivered(), "200")
    put(queue, "a,b", kind=Kind.PRODUCT, channel="uk")
    answer(queue, Delivered(), "202")

    found = rows(run("delivered", "--csv").stdout)

    told = [
        [one[name] for name in ("kind", "channel", "key", "status", "attempts")] for one in found
    ]
    assert sorted(told) == [
        ["product", "uk", "a,b", "202", "1"],
        ["sale", "default", "1", "200", "2"],
    ]
    today = SystemClock().wall().date().isoformat()
    assert all(one["delivered_at"].startswith(today) for one in found)
    assert all(one["delivered_at"].endswith("+00:00") for one in found)


def test_it_can_be_of_one_channel(run: Run, queue: Queue) -> None:
    put(queue, "1")
    answer(queue, Delivered(), "200")
    put(queue, "2", channel="uk")
    answer(queue, Delivered(), "200")

    found = rows(run("delivered", "--csv", "--channel", "uk").stdout)

    assert [one["key"] for one in found] == ["2"]


def test_it_can_be_of_late(run: Run, queue: Queue, redis_client: redis.Redis) -> None:
    put(queue, "1", "2")
    for _ in range(2):
        answer(queue, Delivered(), "200")
    two_hours_ago_ms = round(SystemClock().wall().timestamp() * 1000) - 7_200_000
    history = "onport-relay:{default}:history"
    redis_client.hset(history, "sale:default:1", f"0 {two_hours_ago_ms} 200 1")

    assert [one["key"] for one in rows(run("delivered", "--csv", "--since", "1h").stdout)] == ["2"]
    assert len(rows(run("delivered", "--csv", "--since", "3h").stdout)) == 2


def test_a_time_that_is_none_is_refused(run: Run) -> None:
    result = run("delivered", "--since", "yesterday")

    assert result.exit_code == 2
    assert "--since 'yesterday'" in result.stderr


def test_the_last_delivery_of_a_key_counts_also_over_a_rotation_of_the_history(
    run: Run, queue: Queue, redis_client: redis.Redis
) -> None:
    put(queue, "1", "2")
    for _ in range(2):
        answer(queue, Delivered(), "200")
    pass_hours(redis_client, 31 * 24)
    put(queue, "1")
    answer(queue, Delivered(), "201")

    found = {one["key"]: one["status"] for one in rows(run("delivered", "--csv").stdout)}

    assert found == {"1": "201", "2": "200"}


def test_what_is_forgotten_is_not_told(run: Run, queue: Queue) -> None:
    put(queue, "1")
    answer(queue, Delivered(), "200")
    run("forget", "sale", "1", "--yes")

    assert run("delivered").stdout == "Nothing delivered.\n"


def test_for_a_person_the_newest_are_a_table(run: Run, queue: Queue) -> None:
    put(queue, *(f"P{number:02}" for number in range(60)), kind=Kind.PRODUCT)
    answer(queue, Delivered(), "200")

    printed = run("delivered").stdout

    assert "P59" in printed
    assert "P09 " not in printed
    assert printed.endswith("The newest 50 of 60: --csv prints all.\n")
