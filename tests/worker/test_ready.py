import socket
from pathlib import Path

import pytest
import redis

from onport_queue.names import Lane
from onport_queue.runs import Runs
from onport_queue.store import Queue
from onport_worker.ready import main

HERE = socket.gethostname()


@pytest.fixture(autouse=True)
def _settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broker_url: str, redis_client: redis.Redis
) -> None:
    del redis_client
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONPORT_RELAY_REDIS_URL", broker_url)


def test_a_worker_of_this_host_that_looks_is_ready(redis_client: redis.Redis) -> None:
    Queue(redis_client).look((Lane.HIGH,), worker=f"high@{HERE}")

    assert main(["--worker", "high"]) == 0


def test_one_that_serves_another_account_is_ready_as_well(
    redis_client: redis.Redis, tmp_path: Path
) -> None:
    (tmp_path / "relay.toml").write_text('[channels.us]\naccount = "us"\n')
    Queue(redis_client, "us").look((Lane.HIGH,), worker=f"high@{HERE}")

    assert main(["--worker", "high"]) == 0


def test_one_that_does_not_look_is_not_and_those_that_do_are_named(
    redis_client: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    Queue(redis_client).look((Lane.HIGH,), worker="high@another-host")

    assert main(["--worker", "high"]) == 1
    assert capsys.readouterr().err == (
        f"ready: high@{HERE} is not at work; at work: high@another-host\n"
    )


def test_a_beat_is_ready_once_it_has_looked(
    redis_client: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--beat"]) == 1
    assert capsys.readouterr().err == "ready: no beat is at work\n"

    Runs(redis_client).note_beat("1.2.3")
    assert main(["--beat"]) == 0


@pytest.mark.parametrize("arguments", [["--beat"], ["--worker", "high"]])
def test_without_a_broker_nothing_is_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setenv("ONPORT_RELAY_REDIS_URL", "redis://:password@127.0.0.1:1/0")

    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("ready: broker 127.0.0.1:1: ")
    assert "password" not in said


def test_where_no_broker_is_named_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ONPORT_RELAY_REDIS_URL")

    assert main(["--beat"]) == 1
    assert "redis_url: missing" in capsys.readouterr().err
