import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from tests.acceptance.receiver import Receiver
from tests.worker.cli.conftest import Run

from onport_producers import Producer
from onport_queue.clock import SystemClock
from onport_queue.errors import SettingsError
from onport_queue.runs import Runs
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue
from onport_sandbox import SandboxProcess, SandboxSettings
from onport_worker.cli.up import gateway_plans
from onport_worker.embedded import EmbeddedBroker, running_url
from onport_worker.embedded.address import choose_port, is_free
from onport_worker.fleet import GatewayPlan

WaitUntil = Callable[..., None]
HASH = "up-hash"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads the process list of Linux")


def command_of(pid: str) -> bytes:
    """Return how a process was started; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


@dataclass
class Relay:
    """A running `onport-relay up`, and what it has printed."""

    process: subprocess.Popen[str]
    data: Path
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def settings(self) -> Settings:
        """What another shell has after `set -a; . relay.env`."""
        name, _, url = (self.data / "relay.env").read_text().strip().partition("=")
        assert name == "ONPORT_RELAY_REDIS_URL"
        return load_settings(redis_url=url)

    @property
    def ready(self) -> bool:
        assert self.process.poll() is None, self.lines
        return any(line.startswith("Ready") for line in self.lines)

    def workers(self) -> list[int]:
        """The pids of its workers, youngest last."""
        ours = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in ours.split() if b"onport_worker.app" in command_of(pid)]

    def stop(self, *signals: int) -> int:
        """Send signals, wait for the end, return the exit code."""
        for number in signals:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            self.lines.extend(stdout)


@pytest.fixture
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess(SandboxSettings(hashes={"default": HASH}, hold_seconds=20)) as sandbox:
        yield sandbox


@pytest.fixture
def start(
    sandbox: SandboxProcess, tmp_path: Path, wait_until: WaitUntil
) -> Iterator[Callable[..., Relay]]:
    started: list[Relay] = []

    def start(**more: str) -> Relay:
        data = tmp_path / "da ta"
        environment = {
            **os.environ,
            "ONPORT_RELAY_BASE_URL": sandbox.url,
            "ONPORT_RELAY_WEBHOOK_HASH": HASH,
            "ONPORT_RELAY_RATE": "100",
            "ONPORT_RELAY_GATEWAY_PORT": "0",
            **more,
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "onport_worker.cli", "up", "--data", data],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        relay = Relay(process, data)
        started.append(relay)
        wait_until(lambda: relay.ready, within_s=60)
        return relay

    yield start
    for relay in started:
        if relay.process.poll() is None:
            relay.process.kill()
            relay.stop()


def applied(sandbox: SandboxProcess) -> int:
    return sandbox.stats().applied_requests


def held(sandbox: SandboxProcess) -> int:
    return sum(1 for _ in sandbox.receipts())


def test_a_sale_put_by_the_environment_file_is_delivered_and_ctrl_c_leaves_nothing_in_flight(
    start: Callable[..., Relay], sandbox: SandboxProcess, wait_until: WaitUntil
) -> None:
    relay = start()
    producer = Producer(relay.settings)

    producer.create_sale({"externalId": "1001"})
    wait_until(lambda: applied(sandbox) == 1)
    # Held back for a second: it is on the wire when Ctrl-C comes.
    sandbox.configure(latency_ms=1_000)
    producer.create_sale({"externalId": "1002"})
    queue = Queue(redis.Redis.from_url(relay.settings.redis_url or ""))
    wait_until(lambda: queue.stats().in_flight == 1)

    assert relay.stop(signal.SIGINT) == 0
    assert relay.lines[-1] == "Stopped: 0 in flight, 0 to be delivered next time, 0 dead.\n"
    assert [receipt.items[0].key for receipt in sandbox.receipts()] == ["1001", "1002"]
    assert running_url(relay.data) is None


def test_another_shell_reaches_it_and_no_password_is_printed(
    start: Callable[..., Relay], run_alone: Run
) -> None:
    relay = start()
    password = (relay.data / "password").read_text()
    file = relay.data / "relay.env"

    sourced = subprocess.run(
        ["sh", "-c", f"set -a; . '{file}'; exec {sys.executable} -m onport_worker.cli status"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert file.stat().st_mode & 0o777 == 0o600
    assert any(f"set -a; . '{file}'; set +a" in line for line in relay.lines)
    assert (sourced.returncode, sourced.stderr) == (0, "")
    assert "Workers    2 at work" in sourced.stdout
    assert run_alone("status", DATA_DIR=str(relay.data)).exit_code == 0
    assert relay.stop(signal.SIGTERM) == 0
    assert not [line for line in relay.lines if password in line or HASH in line]


def test_the_doctor_finds_a_fresh_relay_well_and_misses_nobody_when_it_has_stopped(
    start: Callable[..., Relay],
    sandbox: SandboxProcess,
    run_alone: Run,
    wait_until: WaitUntil,
    tmp_path: Path,
) -> None:
    inbox, port = tmp_path / "inbox", choose_port(0, last=None)
    inbox.mkdir()
    entry = {"name": "links", "kind": "acknowledge", "source": f"{inbox}/*.csv", "every": "1d"}
    schedules = json.dumps([entry])
    with EmbeddedBroker(tmp_path / "broker") as broker:
        relay = start(
            ONPORT_RELAY_SCHEDULES=schedules,
            ONPORT_RELAY_REDIS_URL=broker.url,
            ONPORT_RELAY_GATEWAY_PORT=str(port),
        )
        with redis.Redis.from_url(broker.url) as client:
            wait_until(lambda: Runs(client).beat() is not None, within_s=30)
            told = run_alone(
                *("doctor", "--gateway", f"http://127.0.0.1:{port}"),
                REDIS_URL=broker.url,
                SCHEDULES=schedules,
                WEBHOOK_HASH=HASH,
                BASE_URL=sandbox.url,
                SPOOL_MB="0",
            )
            assert relay.stop(signal.SIGTERM) == 0
            crew = Queue(client).stats().crew

    assert told.stdout.splitlines()[-1] == "All is well.", told.stdout
    assert not [line for line in told.stdout.splitlines() if not line.startswith(("ok ", "All"))]
    assert told.exit_code == 0
    assert crew == ()


def test_what_is_pending_is_delivered_after_the_next_start(
    start: Callable[..., Relay], sandbox: SandboxProcess, wait_until: WaitUntil
) -> None:
    relay = start()
    queue = Queue(redis.Redis.from_url(relay.settings.redis_url or ""))
    queue.pause("account", None, "by the test")
    Producer(relay.settings).import_products({"sku": str(number)} for number in range(10))
    assert relay.stop(signal.SIGINT) == 0
    assert relay.lines[-1] == "Stopped: 0 in flight, 10 to be delivered next time, 0 dead.\n"

    again = start()
    Queue(redis.Redis.from_url(again.settings.redis_url or "")).resume()

    wait_until(lambda: applied(sandbox) == 1)
    assert again.stop(signal.SIGINT) == 0


def figures(port: int) -> str:
    """Return what a gateway tells Prometheus."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    told = connection.getresponse().read().decode()
    connection.close()
    return told


def test_a_sale_sent_to_its_gateway_is_delivered_and_counted(
    start: Callable[..., Relay], sandbox: SandboxProcess, wait_until: WaitUntil
) -> None:
    port = choose_port(0, last=None)
    # A worker's own port is not used here: two of them would want it.
    relay = start(ONPORT_RELAY_GATEWAY_PORT=str(port), ONPORT_RELAY_METRICS_PORT=str(port))
    assert f"Gateway   http://127.0.0.1:{port}, in place of Onport's host\n" in relay.lines

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"jetti-webhook-hash": HASH, "content-type": "application/json"}
    path = "/webhooks/custom-channels/manual-sale.json"
    connection.request("POST", path, b'{"externalId": "1001"}', headers)
    assert connection.getresponse().status == 200
    connection.close()

    wait_until(lambda: applied(sandbox) == 1)
    # Of its workers, told by the gateway.
    counted = 'onport_relay_worker_jobs_total{account="default",kind="sale",lane="high"'
    wait_until(lambda: f'{counted},verdict="delivered"}} 1.0' in figures(port))
    assert 'onport_relay_workers{account="default"} 2.0' in figures(port)
    assert_the_page_opens_by_its_link(relay, port)
    assert relay.stop(signal.SIGTERM) == 0
    assert is_free(port)


def assert_the_page_opens_by_its_link(relay: Relay, port: int) -> None:
    (link,) = [line.split()[1] for line in relay.lines if line.startswith("Page")]
    address, _, token = link.partition("#token=")
    assert address == f"http://127.0.0.1:{port}/"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/page/session", token, {"x-onport-relay": "page"})
    assert connection.getresponse().status == 200
    connection.close()
    assert token not in (relay.data / "workers.log").read_text()


def test_a_taken_port_is_refused_if_it_was_asked_for_and_passed_over_if_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"127.0.0.1:{port} is taken"):
            gateway_plans(load_settings(), port)
        with pytest.raises(SettingsError, match=f"127.0.0.1:{port} is taken"):
            gateway_plans(load_settings(gateway_port=port), None)
        by_default = Settings.model_construct(_fields_set=set(), gateway_port=port)
        assert gateway_plans(by_default, None) == ()
    assert f"no gateway: 127.0.0.1:{port} is taken" in capsys.readouterr().err
    assert gateway_plans(by_default, None) == (GatewayPlan(port),)
    assert gateway_plans(by_default, 0) == ()


@LINUX
def test_a_worker_that_is_killed_is_started_again(
    start: Callable[..., Relay], sandbox: SandboxProcess, wait_until: WaitUntil
) -> None:
    relay = start()
    before = set(relay.workers())
    assert len(before) == 2
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    wait_until(lambda: len(set(relay.workers()) - before) == 2, within_s=20)
    Producer(relay.settings).create_sale({"externalId": "1"})

    wait_until(lambda: applied(sandbox) == 1, within_s=30)
    assert relay.stop(signal.SIGINT) == 0
    told = [line for line in relay.lines if "ended (-9), is started again in 1.0 s" in line]
    assert len(told) == 2


def with_a_sale_unanswered(
    start: Callable[..., Relay], sandbox: SandboxProcess, wait_until: WaitUntil
) -> Relay:
    """Run a relay whose endpoint has a sale and does not answer."""
    relay = start()
    sandbox.configure(timeout=1.0)
    Producer(relay.settings).create_sale({"externalId": "1"})
    wait_until(lambda: held(sandbox) == 1)
    return relay


def test_what_is_unanswered_is_released_in_time_and_pending_at_the_next_start(
    start: Callable[..., Relay], sandbox: SandboxProcess, wait_until: WaitUntil
) -> None:
    relay, clock = with_a_sale_unanswered(start, sandbox, wait_until), SystemClock()
    began = clock.monotonic_s()

    assert relay.stop(signal.SIGTERM) == 0
    assert clock.monotonic_s() - began < 15
    assert relay.lines[-1] == "Stopped: 0 in flight, 1 to be delivered next time, 0 dead.\n"


def test_quit_ends_it_at_once_and_releases_what_is_unanswered(
    start: Callable[..., Relay], sandbox: SandboxProcess, wait_until: WaitUntil
) -> None:
    relay, clock = with_a_sale_unanswered(start, sandbox, wait_until), SystemClock()
    began = clock.monotonic_s()

    assert relay.stop(signal.SIGQUIT) == 130
    assert clock.monotonic_s() - began < 5
    again = start()
    # What was not released would be held by its lease for half a minute; what was may be under way
    # again by now.
    ledger = Queue(redis.Redis.from_url(again.settings.redis_url or "")).stats().ledger
    assert ledger.released >= 1
    assert ledger.expired == 0
    assert again.stop(signal.SIGQUIT) == 130


def test_a_second_ctrl_c_ends_it_at_once(
    start: Callable[..., Relay], sandbox: SandboxProcess, wait_until: WaitUntil
) -> None:
    relay = with_a_sale_unanswered(start, sandbox, wait_until)
    relay.process.send_signal(signal.SIGINT)
    wait_until(lambda: any(line.startswith("Stopping") for line in relay.lines))

    assert relay.stop(signal.SIGINT) == 130
    assert "Traceback" not in "".join(relay.lines)
    assert running_url(relay.data) is None


@LINUX
def test_a_killed_relay_leaves_no_workers_behind(
    start: Callable[..., Relay], wait_until: WaitUntil
) -> None:
    relay = start()
    workers = relay.workers()

    relay.stop(signal.SIGKILL)

    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), within_s=30)
    assert running_url(relay.data) is None


def test_a_schedule_is_run_by_a_worker_of_its_own_until_all_ends(
    start: Callable[[], Relay],
    sandbox: SandboxProcess,
    wait_until: WaitUntil,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "links.csv").write_text("sku,vendorSku,dropshipProviderId\nA,1,p\n")
    schedule = {"name": "links", "kind": "acknowledge", "source": f"{inbox}/*", "every": "1s"}
    monkeypatch.setenv("ONPORT_RELAY_SCHEDULES", json.dumps([schedule]))
    relay = start()
    assert "Schedules links\n" in relay.lines
    wait_until(lambda: applied(sandbox) == 1, within_s=30)
    assert relay.stop(signal.SIGTERM) == 0
    assert list((inbox / "claimed/links").iterdir()) == []
    assert len(list((inbox / "done").iterdir())) == 1


def test_a_second_one_in_the_same_folder_is_refused(
    start: Callable[..., Relay], run_alone: Run
) -> None:
    relay = start()

    result = run_alone("up", "--data", str(relay.data), WEBHOOK_HASH=HASH)

    assert result.exit_code == 2
    assert "a broker already runs on this directory" in result.stderr


def test_without_a_hash_it_does_not_start(run_alone: Run, tmp_path: Path) -> None:
    for settings in ({}, {"WEBHOOK_HASH": ""}):
        result = run_alone("up", **settings)

        assert result.exit_code == 2
        assert result.stderr.startswith("onport-relay: webhook_hash: missing; set ONPORT_RELAY_")
    assert list(tmp_path.iterdir()) == []


def test_a_broker_that_may_forget_is_refused(
    run: Run, broker_url: str, redis_client: redis.Redis
) -> None:
    redis_client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        result = run("up", WEBHOOK_HASH=HASH)
    finally:
        redis_client.config_set("maxmemory-policy", "noeviction")

    assert result.exit_code == 2
    assert "maxmemory-policy is allkeys-lru" in result.stderr
    assert broker_url not in result.output


def test_a_port_that_is_taken_is_told_before_anything_is_made(
    run_alone: Run, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        result = run_alone("up", "--data", "data", "--gateway", port, WEBHOOK_HASH=HASH)

    assert result.exit_code == 2
    assert f"127.0.0.1:{port} is taken" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "below a file"])
def test_a_folder_that_can_not_be_made_is_named(run_alone: Run, tmp_path: Path, kind: str) -> None:
    (tmp_path / "taken").write_text("")
    data = tmp_path / "taken" if kind == "file" else tmp_path / "taken" / "x"

    result = run_alone("up", "--data", str(data), WEBHOOK_HASH=HASH)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"onport-relay: data_dir: {data} can't be made: ")


def test_who_is_to_be_told_is_told_by_a_process_of_its_own(
    start: Callable[..., Relay], sandbox: SandboxProcess, wait_until: WaitUntil
) -> None:
    sandbox.configure(poison=["1001"])
    with Receiver() as receiver:
        relay = start(ONPORT_RELAY_ALERTS__WEBHOOK_URL=receiver.url)
        assert "Alerts    are told to the webhook in the settings\n" in relay.lines
        Producer(relay.settings).create_sale({"externalId": "1001"})
        wait_until(lambda: receiver.told("dead_sale") == ["firing"], within_s=30)
        assert relay.stop(signal.SIGTERM) == 0
    assert "T0KEN" not in "".join(relay.lines) + (relay.data / "workers.log").read_text()
