import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis
from tests.worker.cli.conftest import Run
from tests.worker.cli.doctor.conftest import Diagnose, Diagnosis

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.settings import Settings
from onport_worker.cli.doctor.broker import broker_findings, server_findings
from onport_worker.cli.doctor.finding import Ailment, Level
from onport_worker.embedded import EmbeddedBroker
from onport_worker.embedded.address import choose_port
from onport_worker.embedded.binary import find_binary


@pytest.fixture
def spare(tmp_path: Path) -> Iterator[str]:
    """A broker that a test may spoil."""
    with EmbeddedBroker(tmp_path / "spare") as broker:
        yield broker.url


@pytest.fixture
def volatile_url(tmp_path: Path) -> Iterator[str]:
    with EmbeddedBroker(tmp_path / "volatile", persist=False) as broker:
        with redis.Redis.from_url(broker.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        yield broker.url


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


@pytest.fixture
def diagnose_as_plain(
    diagnose_alone: Diagnose, broker_url: str, redis_client: redis.Redis
) -> Iterator[Callable[..., Diagnosis]]:
    """Ask as a user who may do less."""

    def ask(**rights: list[str]) -> Diagnosis:
        allow(redis_client, **rights)
        return diagnose_alone(REDIS_URL=f"redis://plain:pw@{broker_url.rpartition('@')[2]}")

    yield ask
    redis_client.acl_deluser("plain")


def test_a_broker_that_is_away_is_a_fault_without_its_password(diagnose_alone: Diagnose) -> None:
    port = choose_port(0, last=None)

    found = diagnose_alone(REDIS_URL=f"redis://:hunter2@127.0.0.1:{port}/0")

    assert f"broker 127.0.0.1:{port}: " in found.told(Ailment.BROKER_UNREACHABLE)["text"]
    assert "hunter2" not in str(found)


def test_a_wrong_password_is_a_fault(diagnose_alone: Diagnose, broker_url: str) -> None:
    found = diagnose_alone(REDIS_URL=f"redis://:hunter2@{broker_url.rpartition('@')[2]}")

    assert found.told(Ailment.BROKER_UNREACHABLE)["level"] == "fault"
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(("allowed", "level"), [("false", "fault"), ("true", "warning")])
def test_a_broker_that_may_forget_is_a_fault_for_each_reason_unless_that_is_allowed(
    diagnose_alone: Diagnose, volatile_url: str, allowed: str, level: str
) -> None:
    found = diagnose_alone(REDIS_URL=volatile_url, ALLOW_VOLATILE=allowed)

    assert found.told(Ailment.APPENDONLY)["level"] == level
    policy = found.told(Ailment.MAXMEMORY_POLICY)
    assert policy["level"] == level
    assert policy["text"].startswith("maxmemory-policy is allkeys-lru")


def test_a_log_that_is_written_now_and_then_is_a_warning(
    diagnose_alone: Diagnose, spare: str
) -> None:
    assert Ailment.APPENDFSYNC not in diagnose_alone(REDIS_URL=spare).ailments
    with redis.Redis.from_url(spare) as client:
        client.config_set("appendfsync", "everysec")

    found = diagnose_alone(REDIS_URL=spare).told(Ailment.APPENDFSYNC)

    assert (found["level"], found["text"][:23]) == ("warning", "appendfsync is everysec")


def test_where_config_is_forbidden_it_cannot_tell(
    diagnose_as_plain: Callable[..., Diagnosis],
) -> None:
    found = diagnose_as_plain(categories=["+@all"], commands=["-config"])

    assert found.told(Ailment.BROKER_SECRETIVE)["level"] == "cannot tell"
    assert found.exit_code == 0


def test_a_user_who_may_run_no_scripts_is_a_fault(
    diagnose_as_plain: Callable[..., Diagnosis],
) -> None:
    found = diagnose_as_plain(categories=["+@all", "-@scripting"], commands=[])

    told = found.told(Ailment.SCRIPTS_FAIL)
    assert told["level"] == "fault"
    assert told["text"].startswith("our scripts can't run: ")


def test_a_replica_is_a_fault(diagnose_alone: Diagnose, spare: str) -> None:
    with redis.Redis.from_url(spare) as client:
        client.replicaof("127.0.0.1", choose_port(0, last=None))

    assert diagnose_alone(REDIS_URL=spare).told(Ailment.BROKER_REPLICA)["level"] == "fault"


def test_a_cluster_is_a_fault(
    diagnose_alone: Diagnose, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    port = choose_port(0, last=None)
    options = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path))
    clustered = ("--cluster-enabled", "yes", "--cluster-port", str(choose_port(0, last=None)))
    server = subprocess.Popen([find_binary(), *options, *clustered], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port) as client:
            wait_until(lambda: _answers(client))
        found = diagnose_alone(REDIS_URL=f"redis://127.0.0.1:{port}/0")
    finally:
        server.kill()
        server.wait()

    assert found.told(Ailment.BROKER_CLUSTER)["level"] == "fault"


def test_a_server_of_an_old_version_is_a_warning() -> None:
    (found,) = server_findings({"redis_version": "6.2.14", "role": "master"})

    assert (found.name, found.level) == (Ailment.BROKER_OLD, Level.WARNING)
    assert "6.2.14" in found.text


@pytest.mark.parametrize(("share", "level"), [(0.5, None), (0.8, "warning"), (0.95, "fault")])
def test_memory_that_runs_out_is_told_before_puts_are_refused(
    diagnose_alone: Diagnose, spare: str, share: float, level: str | None
) -> None:
    with redis.Redis.from_url(spare) as client:
        client.setrange("filler", 40_000_000, b"x")  # no buffer of a client is as large
        client.config_set("maxmemory", round(client.info("memory")["used_memory"] / share))

    found = diagnose_alone(REDIS_URL=spare)

    assert found.ailments.get(Ailment.MEMORY_NEARLY_FULL) == level


class _Ahead(SystemClock):
    """This host's clock, set wrong."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def wall(self) -> datetime:
        return super().wall() + timedelta(seconds=self._seconds)


@pytest.mark.parametrize(("seconds", "said"), [(600.0, "10 min 0 s ahead of"), (-90.0, "behind")])
def test_a_clock_that_is_off_either_way_is_a_fault(
    broker_url: str, seconds: float, said: str
) -> None:
    with connect(broker_url) as client:
        found = list(broker_findings(client, Settings(), _Ahead(seconds)))

    (skew,) = [one for one in found if one.name == Ailment.CLOCK_SKEW]
    assert skew.level is Level.FAULT
    assert said in skew.text


def test_a_host_s_clock_that_was_set_wrong_is_found(
    broker_url: str, redis_client: redis.Redis, require_tool: Callable[[str], Path], tmp_path: Path
) -> None:
    del redis_client
    command = (sys.executable, "-P", "-m", "onport_worker.cli", "doctor", "--json")
    ran = subprocess.run(
        [require_tool("faketime"), "-f", "-90s", *command],
        env={"ONPORT_RELAY_REDIS_URL": broker_url, "PYTHONPATH": ":".join(filter(None, sys.path))},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    (skew,) = [
        one for one in json.loads(ran.stdout)["findings"] if one["name"] == Ailment.CLOCK_SKEW
    ]
    assert "1 min 30 s behind the broker's" in skew["text"]


def test_without_a_broker_in_the_settings_it_says_who_needs_one(diagnose_alone: Diagnose) -> None:
    found = diagnose_alone()

    assert found.told(Ailment.BROKER_MISSING)["level"] == "warning"
    assert found.exit_code == 0


def test_the_broker_of_a_running_relay_is_found_by_its_folder(
    run_alone: Run, tmp_path: Path
) -> None:
    with EmbeddedBroker(tmp_path / ".relay"):
        told = run_alone("doctor").stdout

    assert "ok          broker: 127.0.0.1:" in told


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
