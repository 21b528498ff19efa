import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import httpx
import pytest

from onport_sandbox import (
    Fault,
    SandboxProcess,
    SandboxProcessError,
    SandboxSettings,
    SettingsError,
    canonical_digest,
)

SALE = {"externalId": "1001"}


@pytest.fixture
def client(sandbox: SandboxProcess) -> Iterator[httpx.Client]:
    headers = {"jetti-webhook-hash": "sandbox"}
    with httpx.Client(base_url=sandbox.url, headers=headers, timeout=5) as session:
        yield session


def send(client: httpx.Client, *, timeout: float = 5) -> httpx.Response:
    return client.post("/manual-sale.json", json=SALE, timeout=timeout)


def test_a_request_is_answered_and_leaves_a_receipt(
    sandbox: SandboxProcess, client: httpx.Client
) -> None:
    before = time.time()  # noqa: TID251 (compared with the child's own clock)
    assert send(client).json() == {"status": "ok"}
    receipt = list(sandbox.receipts())[-1]
    assert before <= receipt.started <= receipt.at
    assert (receipt.status, receipt.applied, receipt.channel) == (200, True, "1")
    assert [(item.key, item.digest) for item in receipt.items] == [("1001", canonical_digest(SALE))]


def test_one_connection_carries_many_requests(
    sandbox: SandboxProcess, client: httpx.Client
) -> None:
    for _ in range(20):
        send(client)
    assert sandbox.stats().applied_requests == 20


def test_a_reset_is_seen_as_a_reset_and_not_applied(
    sandbox: SandboxProcess, client: httpx.Client
) -> None:
    sandbox.configure(reset=1)
    with pytest.raises(httpx.ReadError) as caught:
        send(client)
    assert "reset" in str(caught.value).lower()
    receipt = list(sandbox.receipts())[-1]
    assert (receipt.status, receipt.applied, receipt.fault) == (None, False, Fault.RESET)


def test_after_a_reset_the_next_request_is_answered(
    sandbox: SandboxProcess, client: httpx.Client
) -> None:
    sandbox.configure(reset=1)
    with pytest.raises(httpx.ReadError):
        send(client)
    sandbox.configure(reset=0)
    assert send(client).status_code == 200


def test_a_timeout_is_applied_and_never_answered(
    sandbox: SandboxProcess, client: httpx.Client
) -> None:
    sandbox.configure(timeout=1)
    with pytest.raises(httpx.ReadTimeout):
        send(client, timeout=0.15)
    receipt = list(sandbox.receipts())[-1]
    assert (receipt.status, receipt.applied, receipt.fault) == (None, True, Fault.TIMEOUT)


def test_a_hold_ends_by_itself(sandbox: SandboxProcess, client: httpx.Client) -> None:
    sandbox.configure(timeout=1, hold_seconds=0.05)
    with pytest.raises(httpx.ReadError):
        send(client)


def test_an_outage_ends_when_it_is_turned_off(
    sandbox: SandboxProcess, client: httpx.Client
) -> None:
    sandbox.configure(outage="refused")
    with pytest.raises(httpx.ReadError):
        send(client)
    sandbox.configure(outage="hung")
    with pytest.raises(httpx.ReadTimeout):
        send(client, timeout=0.1)
    sandbox.configure(outage="status")
    assert send(client).status_code == 503
    sandbox.configure(outage="off")
    assert send(client).status_code == 200
    assert sandbox.stats().faults["outage"] == 3


def test_latency_holds_an_answer_back(sandbox: SandboxProcess, client: httpx.Client) -> None:
    sandbox.configure(latency_ms=60)
    assert send(client).elapsed >= timedelta(milliseconds=60)


def test_a_body_over_the_cap_leaves_the_connection_usable(
    sandbox: SandboxProcess, client: httpx.Client
) -> None:
    sandbox.configure(max_body_bytes=1000)
    assert client.post("/manual-sale.json", json={"note": "x" * 300_000}).status_code == 413
    assert send(client).status_code == 200


def test_sets_and_mappings_can_be_configured(sandbox: SandboxProcess, client: httpx.Client) -> None:
    sandbox.configure(poison={"1001"}, hashes={"shop": "sandbox"}, faults=0)
    assert send(client).status_code == 422
    assert list(sandbox.receipts())[-1].channel == "shop"


def test_a_wrong_setting_is_an_error_that_names_it(sandbox: SandboxProcess) -> None:
    with pytest.raises(SettingsError) as caught:
        sandbox.configure(rate="fast", speed=1)
    assert {problem.field for problem in caught.value.problems} == {"rate", "speed"}


def test_outside_its_context_there_is_no_sandbox() -> None:
    with pytest.raises(SandboxProcessError, match="is not running"):
        SandboxProcess().stats()


def test_a_child_that_cannot_start_is_an_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        pytest.raises(SandboxProcessError, match="expected it to report a port"),
        SandboxProcess(receipts=tmp_path / "missing" / "receipts.jsonl"),
    ):
        pytest.fail("it started")
    assert "cannot serve" in capfd.readouterr().err


@pytest.mark.parametrize(
    "settings", [SandboxSettings(timeout=1), SandboxSettings(latency_ms=10_000)]
)
def test_it_stops_quickly_and_quietly_with_requests_waiting(
    settings: SandboxSettings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "receipts.jsonl"
    ended: list[type[Exception]] = []

    def hang(url: str) -> None:
        with httpx.Client(headers={"jetti-webhook-hash": "sandbox"}, timeout=10) as session:
            try:
                session.post(f"{url}/manual-sale.json", json=SALE)
            except httpx.TransportError as error:
                ended.append(type(error))

    with SandboxProcess(settings, receipts=path) as sandbox:
        thread = Thread(target=hang, args=(sandbox.url,))
        thread.start()
        while not sandbox.stats().requests:
            pass
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 2
    thread.join()
    assert ended == [httpx.ReadError]
    assert capfd.readouterr().err == ""


ORPHAN = """
import os, pathlib, sys
from onport_sandbox import SandboxProcess
with SandboxProcess(receipts=pathlib.Path(sys.argv[1])) as sandbox:
    print(sandbox.port, flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), 9)
"""


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORPHAN, str(tmp_path / "receipts.jsonl")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET /_sandbox/healthz HTTP/1.1\r\nhost: sandbox\r\n\r\n")
            answer = b""
            while not answer.endswith(b'{"status":"ok"}'):
                answer += connection.recv(4096)
            parent.communicate(b"die\n")
            assert connection.recv(1) == b""
    assert parent.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_reports_its_port_and_stops_cleanly_on_a_signal(
    number: signal.Signals,
) -> None:
    command = [sys.executable, "-m", "onport_sandbox", "--port", "0", "--hash", "shop=abc"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        answer = httpx.post(
            f"{ready['url']}/manual-sale.json", json=SALE, headers={"jetti-webhook-hash": "abc"}
        )
        process.send_signal(number)
        output, errors = process.communicate(timeout=5)
    assert (answer.status_code, process.returncode, output, errors) == (200, 0, b"", b"")
    assert str(ready["port"]) in ready["url"]
