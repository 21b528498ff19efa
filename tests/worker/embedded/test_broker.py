import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from onport_queue.clock import Clock
from onport_worker.embedded import (
    BrokerFailedError,
    DirectoryInUseError,
    EmbeddedBroker,
    EmbeddedBrokerError,
    RestartPolicy,
    running_url,
)
from onport_worker.embedded.binary import find_binary
from onport_worker.embedded.lock import holder_of

WaitUntil = Callable[[Callable[[], bool]], None]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "data") as broker:
        yield broker


@pytest.fixture
def client(broker: EmbeddedBroker) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker.url) as client:
        yield client


def kill_server(broker: EmbeddedBroker) -> int:
    holder = holder_of(broker.directory)
    assert holder is not None
    assert holder.server_pid is not None
    os.kill(holder.server_pid, signal.SIGKILL)
    return holder.server_pid


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def put_many(broker: EmbeddedBroker, count: int) -> None:
    with redis.Redis.from_url(broker.url) as client:
        client.mset({f"order-{number}": "x" * 100 for number in range(count)})
        for number in range(count):
            client.set(f"order-{number}", "y" * 100)


def test_a_started_broker_serves_whoever_knows_the_password(client: redis.Redis) -> None:
    assert client.ping()


def test_a_client_without_the_password_is_refused(broker: EmbeddedBroker) -> None:
    with (
        redis.Redis(port=broker.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("aof-use-rdb-preamble", "no"),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
        ("bind", "127.0.0.1"),
    ],
)
def test_the_server_runs_as_it_was_told(client: redis.Redis, name: str, value: str) -> None:
    assert client.config_get(name) == {name: value}


def test_the_server_is_the_pinned_one(client: redis.Redis) -> None:
    assert client.info("server")["valkey_version"] == "9.1.2"


def test_what_is_in_the_directory_is_for_its_owner_only(broker: EmbeddedBroker) -> None:
    modes = {
        name: (broker.directory / name).stat().st_mode & 0o777
        for name in (".", "password", "valkey.conf", "lock")
    }

    assert modes == {".": 0o700, "password": 0o600, "valkey.conf": 0o600, "lock": 0o600}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process list of Linux")
def test_the_password_is_not_in_the_process_list(broker: EmbeddedBroker) -> None:
    holder = holder_of(broker.directory)
    assert holder is not None
    arguments = Path(f"/proc/{holder.server_pid}/cmdline").read_text()

    assert "valkey" in arguments
    assert (broker.directory / "password").read_text() not in arguments


@pytest.mark.parametrize("name", ["plain", "with space", 'quote"d', "back\\slash", "größe"])
def test_data_and_address_survive_a_stop_in_any_directory(tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    with EmbeddedBroker(directory) as broker, redis.Redis.from_url(broker.url) as client:
        client.set("order", "1")
        url = broker.url

    with EmbeddedBroker(directory) as broker, redis.Redis.from_url(broker.url) as client:
        assert client.get("order") == b"1"
        assert broker.url == url


def test_a_killed_server_is_back_on_its_port_with_all_it_was_told(
    broker: EmbeddedBroker, client: redis.Redis, wait_until: WaitUntil
) -> None:
    put_many(broker, 500)
    url = broker.url

    kill_server(broker)

    wait_until(lambda: answers(client))
    assert client.dbsize() == 500
    assert broker.url == url
    assert not broker.failed


def test_the_lock_names_the_new_server_after_a_restart(
    broker: EmbeddedBroker, client: redis.Redis, wait_until: WaitUntil
) -> None:
    killed = kill_server(broker)
    wait_until(lambda: answers(client))

    holder = holder_of(broker.directory)
    assert holder is not None
    assert holder.server_pid == client.info("server")["process_id"] != killed


def test_a_server_that_will_not_live_is_given_up_and_told(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    told: list[EmbeddedBrokerError] = []
    policy = RestartPolicy(budget=1, first_pause=timedelta(milliseconds=1))
    with EmbeddedBroker(tmp_path, restarts=policy, on_give_up=told.append) as broker:
        (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense")
        kill_server(broker)

        wait_until(lambda: broker.failed and bool(told))
    assert "died 2 times in a row" in str(told[0])
    assert "manifest" in str(told[0])


def test_a_second_broker_on_the_directory_is_refused_with_pid_and_port(
    broker: EmbeddedBroker, hurried_clock: Clock
) -> None:
    with pytest.raises(
        DirectoryInUseError, match=f"port {broker.port} .*started by pid {os.getpid()}, server pid"
    ):
        EmbeddedBroker(broker.directory, clock=hurried_clock).start()


def test_a_running_broker_is_found_by_its_directory_and_a_stopped_one_is_not(
    broker: EmbeddedBroker,
) -> None:
    while_running = running_url(broker.directory)
    url = broker.url
    broker.stop()

    assert while_running == url
    assert running_url(broker.directory) is None


def test_a_torn_end_of_the_file_costs_only_what_was_torn(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        put_many(broker, 100)
        with redis.Redis.from_url(broker.url) as client:
            client.set("last", "z" * 100)
    file = append_only_file(tmp_path)
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - 20)

    with EmbeddedBroker(tmp_path) as broker, redis.Redis.from_url(broker.url) as client:
        assert client.dbsize() == 100


def test_damage_inside_the_file_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    damage(tmp_path)

    with pytest.raises(BrokerFailedError, match="damaged, not only at its end") as refusal:
        EmbeddedBroker(tmp_path).start()

    assert "--fix" in str(refusal.value)
    assert "Bad file format" in str(refusal.value)


def test_the_way_out_of_damage_works(tmp_path: Path) -> None:
    data = tmp_path / "data"
    damage(data)
    checker = tmp_path / "valkey-check-aof"
    checker.symlink_to(find_binary())
    manifest = data / "appendonlydir" / "appendonly.aof.manifest"
    subprocess.run(
        [checker, "--fix", manifest], input="y\n", text=True, check=True, capture_output=True
    )

    with EmbeddedBroker(data) as broker, redis.Redis.from_url(broker.url) as client:
        assert 0 < client.dbsize() <= 200


def test_a_start_that_fails_leaves_the_directory_free(tmp_path: Path) -> None:
    damage(tmp_path)
    with pytest.raises(BrokerFailedError):
        EmbeddedBroker(tmp_path).start()

    assert holder_of(tmp_path) is None


def test_a_wanted_port_that_is_taken_is_an_error_in_the_servers_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(BrokerFailedError, match="Address already in use"):
            EmbeddedBroker(tmp_path, port=port).start()


def test_without_persistence_nothing_is_kept(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, persist=False) as broker:
        put_many(broker, 10)

    with (
        EmbeddedBroker(tmp_path, persist=False) as broker,
        redis.Redis.from_url(broker.url) as client,
    ):
        assert client.dbsize() == 0


def test_a_stopped_broker_has_no_address_and_may_start_again(broker: EmbeddedBroker) -> None:
    port = broker.port
    broker.stop()
    broker.stop()

    with pytest.raises(BrokerFailedError, match="not started"):
        _ = broker.url
    assert broker.start().port == port


def test_a_started_broker_does_not_start_twice(broker: EmbeddedBroker) -> None:
    with pytest.raises(BrokerFailedError, match="started already"):
        broker.start()


def append_only_file(directory: Path) -> Path:
    (file,) = (directory / "appendonlydir").glob("*.incr.aof")
    return file


def damage(directory: Path) -> None:
    """Leave a directory whose file has nonsense in its middle."""
    with EmbeddedBroker(directory) as broker:
        put_many(broker, 200)
    file = append_only_file(directory)
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(b"nonsense" * 20)
