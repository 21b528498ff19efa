import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from tests.worker.cli.conftest import Run

from onport_worker.embedded import EmbeddedBroker


@pytest.fixture
def volatile_url(tmp_path: Path) -> Iterator[str]:
    with EmbeddedBroker(tmp_path / "volatile", persist=False) as broker:
        with redis.Redis.from_url(broker.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        yield broker.url


def levels(printed: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in json.loads(printed)["findings"]:
        found.setdefault(finding["subject"], []).append(finding["level"])
    return found


def allow(client: redis.Redis, *, categories: list[str], commands: list[str]) -> None:
    """Let in a user `plain` with the password `pw`."""
    client.acl_setuser(
        "plain",
        enabled=True,
        passwords=["+pw"],
        categories=categories,
        commands=commands,
        keys=["*"],
        channels=["*"],
    )


def test_a_good_setup_exits_0(run: Run) -> None:
    result = run("check", WEBHOOK_HASH="a-secret")

    assert result.exit_code == 0
    assert "answers" in result.stdout
    assert not [line for line in result.stdout.splitlines() if line.startswith("fault")]
    assert "a-secret" not in result.output


def test_all_faults_of_the_settings_are_told_at_once(run_alone: Run) -> None:
    result = run_alone("check", RATE="fast", BATCH_ITEMS="0", BASE_URL="http://example.com")

    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [
        ["fault", "rate:"],
        ["fault", "batch_items:"],
    ]
    assert "fast" not in result.output


def test_a_missing_hash_is_a_warning(run: Run) -> None:
    result = run("check", "--json")

    assert result.exit_code == 0
    assert levels(result.stdout)["webhook_hash"] == ["warning"]


def test_a_broker_that_is_away_is_a_fault_without_its_password(run_alone: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        result = run_alone("check", REDIS_URL=f"redis://:hunter2@127.0.0.1:{port}/0")

    assert result.exit_code == 1
    assert f"broker 127.0.0.1:{port}: " in result.stdout
    assert "hunter2" not in result.output


def test_a_wrong_password_is_a_fault(run_alone: Run, broker_url: str) -> None:
    place = broker_url.rpartition("@")[2]

    result = run_alone("check", REDIS_URL=f"redis://:hunter2@{place}")

    assert result.exit_code == 1
    assert "hunter2" not in result.output


def test_a_broker_that_may_forget_is_a_fault_for_each_reason(
    run_alone: Run, volatile_url: str
) -> None:
    result = run_alone("check", "--json", REDIS_URL=volatile_url)

    assert result.exit_code == 1
    assert levels(result.stdout)["durability"] == ["fault", "fault"]


def test_a_broker_that_may_forget_is_a_warning_where_that_is_allowed(
    run_alone: Run, volatile_url: str
) -> None:
    result = run_alone("check", "--json", REDIS_URL=volatile_url, ALLOW_VOLATILE="true")

    assert result.exit_code == 0
    assert levels(result.stdout)["durability"] == ["warning", "warning"]


def test_where_config_is_forbidden_it_cannot_tell(
    run_alone: Run, broker_url: str, redis_client: redis.Redis
) -> None:
    allow(redis_client, categories=["+@all"], commands=["-config"])
    place = broker_url.rpartition("@")[2]
    try:
        result = run_alone("check", "--json", REDIS_URL=f"redis://plain:pw@{place}")
    finally:
        redis_client.acl_deluser("plain")

    assert result.exit_code == 0
    assert levels(result.stdout)["durability"] == ["cannot tell"]


def test_a_user_who_may_run_no_scripts_is_a_fault(
    run_alone: Run, broker_url: str, redis_client: redis.Redis
) -> None:
    allow(redis_client, categories=["+@all", "-@scripting"], commands=[])
    place = broker_url.rpartition("@")[2]
    try:
        result = run_alone("check", "--json", REDIS_URL=f"redis://plain:pw@{place}")
    finally:
        redis_client.acl_deluser("plain")

    assert result.exit_code == 1
    assert levels(result.stdout)["queue"] == ["fault"]


def test_an_imbalance_is_a_fault(run: Run, redis_client: redis.Redis) -> None:
    redis_client.hset("onport-relay:{default}:ledger", "accepted", 3)

    assert run("check").exit_code == 1


def test_without_a_broker_in_the_settings_it_says_who_needs_one(run_alone: Run) -> None:
    result = run_alone("check", "--json")

    assert result.exit_code == 0
    assert levels(result.stdout)["redis_url"] == ["warning"]


def test_the_broker_of_a_running_relay_is_found_by_its_folder(
    run_alone: Run, tmp_path: Path
) -> None:
    with EmbeddedBroker(tmp_path / ".relay"):
        result = run_alone("check", "--json")

    assert levels(result.stdout)["broker"] == ["ok"]
