"""A shop that knows Onport's API and nothing of the relay changes its base URL, and loses nothing.

RELAY_OUTAGE_S=60 makes the broker's outage as long as the promise is worded for; it is five seconds
by default.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.acceptance.accounting import account
from tests.acceptance.gateway_process import GatewayProcess
from tests.acceptance.history import Put, Told
from tests.acceptance.proxy import Proxy
from tests.acceptance.recorder import Recorded, Recorder
from tests.acceptance.relay import HASH, Relay, running
from tests.benchmarks.open_loop import Served, percentile, sale, serve_evenly

from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
from onport_queue.names import DEFAULT_CHANNEL, Kind, job_key
from onport_sandbox import SandboxSettings, canonical_digest
from onport_worker.fleet import worker_environment

OUTAGE_S = float(os.environ.get("RELAY_OUTAGE_S", "5"))
FUZZ_SEED = os.environ.get("RELAY_FUZZ_SEED", "1")
"""The same examples each time, so that what fails is what a change broke; others by hand."""
PER_S = 300.0
_FUZZED_WITHIN_S = 60

pytestmark = pytest.mark.timeout(OUTAGE_S + 240)

# The vendor's page; its fragments made valid, its numbers varied in their spelling.
SALE = b"""{
  "externalId": "1234",
  "saleDefaults": { "reference": "10001" },
  "customer": { "firstName": "Test", "lastName": "user", "email": "test@user.com" },
  "lineItems": [{
    "externalId": "line-external-id", "name": "line-item-name",
    "quantity": 10, "price": 20.50, "taxable": true,
    "variant": { "externalId": "123" },
    "properties": [{ "key": "property-key", "value": "property-value" }]
  }],
  "shipping": [{ "code": "shipping-code", "name": "shipping-name",
    "serviceLevel": "shipping-service-level", "price": 1.0e1 }],
  "options": {}
}
"""
PRODUCTS = b"""[
  { "sku": "SKU-1", "name": "first", "inventoryQuantity": 5, "costPrice": 10.50 },
  { "sku": "SKU-2", "name": "second", "inventoryQuantity": 0.0 }
]"""
LINKS = b"""[{ "sku": "SKU-1", "vendorSkus": [
  { "vendorSku": "V-1", "dropshipProviderExternalId": "P-1" },
  { "vendorSku": "V-2", "dropshipProviderId": 12345678901234567890 }
] }]"""
OTHER_LINKS = LINKS.replace(b"SKU-1", b"SKU-2")
NAMES = {
    "manual-sale.json": ("POST", SALE),
    "products.json": ("POST", PRODUCTS),
    "acknowledge-inventory-feed-variant-batches.json": ("PUT", LINKS),
    "disconnect-inventory-feed-variant-batches.json": ("PUT", OTHER_LINKS),
}


def send(base_url: str, name: str, method: str, body: bytes) -> tuple[int, Any]:
    """Make the vendor's request; only the base URL is ours."""
    url = urlsplit(f"{base_url}/webhooks/custom-channels/{name}")
    connection = http.client.HTTPConnection(url.netloc, timeout=10)
    headers = {"jetti-webhook-hash": HASH, "content-type": "application/json"}
    try:
        connection.request(method, url.path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def textual(body: bytes) -> Any:
    """Return JSON whose numbers are as they were spelt."""
    return json.loads(body, parse_float=lambda text: ("number", text), parse_int=str)


def with_links_as_sets(items: Any) -> list[tuple[str, frozenset[str]]]:
    return [
        (item["sku"], frozenset(json.dumps(link, sort_keys=True) for link in item["vendorSkus"]))
        for item in items
    ]


def test_the_vendors_four_requests_arrive_as_they_were_sent(tmp_path: Path) -> None:
    with Recorder() as endpoint, running(tmp_path, base_url=endpoint.url, rate=50.0) as relay:
        with GatewayProcess(relay.settings, log=tmp_path / "gateway.log") as gateway:
            for name, (method, body) in NAMES.items():
                status, answer = send(gateway.url, name, method, body)
                assert (status, bool(answer)) == (200, True)
        relay.start_workers()
        relay.wait_until(relay.is_done, within_s=30)

        came: dict[str, Recorded] = {
            request.path.rpartition("/")[2]: request for request in endpoint.requests
        }
        assert len(endpoint.requests) == 4
        for name, (method, _) in NAMES.items():
            assert (came[name].method, came[name].headers["jetti-webhook-hash"]) == (method, HASH)
            assert came[name].headers["content-type"] == "application/json"
        sale_name, products_name, *links_names = NAMES
        assert came[sale_name].body == SALE
        assert textual(came[products_name].body) == textual(PRODUCTS)
        for name in links_names:
            sent, arrived = textual(NAMES[name][1]), textual(came[name].body)
            assert with_links_as_sets(arrived) == with_links_as_sets(sent)


def test_they_arrive_at_the_sandbox(tmp_path: Path) -> None:
    with running(tmp_path, rate=50.0) as relay:
        with GatewayProcess(relay.settings, log=tmp_path / "gateway.log") as gateway:
            for name, (method, body) in NAMES.items():
                assert send(gateway.url, name, method, body)[0] == 200
        relay.start_workers()
        relay.wait_until(relay.is_done, within_s=30)

        arrived = {
            receipt.path.rpartition("/")[2]: [item.digest for item in receipt.items]
            for receipt in relay.receipts()
            if receipt.applied
        }
        for name, (_, body) in NAMES.items():
            sent = json.loads(body)
            items = sent if isinstance(sent, list) else [sent]
            assert arrived[name] == [canonical_digest(item) for item in items]


def test_a_sale_that_can_not_be_keyed_is_refused_naming_the_field(tmp_path: Path) -> None:
    with (
        running(tmp_path) as relay,
        GatewayProcess(relay.settings, log=tmp_path / "gateway.log") as gateway,
    ):
        status, answer = send(gateway.url, "manual-sale.json", "POST", b"{}")

        assert status == 422
        assert answer == {"error": "externalId: missing", "field": "externalId"}


class _Client(threading.Thread):
    """An open-loop client that works beside the test."""

    def __init__(self, gateway: GatewayProcess, seconds: float, prefix: str) -> None:
        super().__init__(name="shop")
        self._gateway = gateway
        self._seconds = seconds
        self._prefix = prefix
        self._served: Served | None = None
        self.start()

    def run(self) -> None:
        address = ("127.0.0.1", self._gateway.port)
        self._served = serve_evenly(address, HASH, PER_S, self._seconds, self._prefix)

    def served(self) -> Served:
        """Wait for the end, and return what became of its requests."""
        self.join()
        assert self._served is not None, "it failed, see above"
        return self._served


def history(prefix: str, answers: Sequence[tuple[int, str]]) -> list[tuple[Put, Told]]:
    """Return what the client was told, as the account takes it."""
    entries = []
    for number, (status, state) in enumerate(answers):
        put = Put("sale", f"{prefix}-{number}", "F", 1, sale(prefix, number))
        told = Told.SPOOLED if state == "spooled" else Told.ACKNOWLEDGED
        if status != 200:
            told = Told.REFUSED if status else Told.UNKNOWN
        entries.append((put, told))
    return entries


def test_an_outage_of_the_broker_under_load_loses_nothing(tmp_path: Path) -> None:
    answers = SandboxSettings(hashes={"default": HASH}, latency_ms=2)
    with running(tmp_path, answers, rate=1_000.0) as relay, Proxy(relay.broker_port) as proxy:
        settings = relay.settings_by(proxy.port)
        relay.start_workers()
        with GatewayProcess(settings, workers=2, log=tmp_path / "gateway.log") as gateway:
            client = _Client(gateway, OUTAGE_S + 4, "outage")
            relay.run_for(2)
            proxy.refuse()
            relay.run_for(OUTAGE_S)
            proxy.listen()
            served = client.served()
            relay.wait_until(lambda: not relay.is_spooling(), within_s=60)
        relay.wait_until(relay.is_done, within_s=OUTAGE_S * 10 + 60)

        verdict = account([history("outage", served.answers)], relay.receipts(), relay.held())
        waits = served.waits_ms
        print(
            f"{verdict.attempted:,} sales at {PER_S:.0f}/s, {OUTAGE_S:.0f} s without a broker: "
            f"{verdict.acknowledged:,} acknowledged, {verdict.spooled:,} of them spooled; "
            f"p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.1f} ms, "
            f"max {waits[-1]:.0f} ms; lost {len(verdict.lost)}"
        )
        assert verdict.faults == ()
        assert verdict.acknowledged == verdict.attempted
        # Those of the outage, but for its first moment and what was on its way at its end.
        assert verdict.spooled > PER_S * OUTAGE_S * 0.5
        assert (relay.queue.stats().dead, relay.queue.stats().imbalance) == (0, 0)


def test_told_to_stop_under_load_it_loses_nothing_that_it_has_taken(tmp_path: Path) -> None:
    with running(tmp_path) as relay:
        gateway = GatewayProcess(relay.settings, workers=2, log=tmp_path / "gateway.log")
        with gateway:
            client = _Client(gateway, 4, "stop")
            relay.run_for(2)
            assert gateway.stop() == 0
            served = client.served()

        taken = [
            f"stop-{number}" for number, (status, _) in enumerate(served.answers) if status == 200
        ]
        assert len(taken) >= PER_S
        assert known(relay, taken) == set(taken)
        # Whoever was not answered was refused a connection: nothing accepted was left unanswered.
        assert relay.queue.stats().ledger.accepted == len(taken)


def known(relay: Relay, keys: Sequence[str]) -> set[str]:
    """Return those that the queue has."""
    of = {job_key(Kind.SALE, DEFAULT_CHANNEL, key): key for key in keys}
    found = {of[one.key] for one in relay.queue.delivered() if one.key in of}
    every = list(of)
    for first in range(0, len(every), 500):
        some = every[first : first + 500]
        states = relay.queue.states(some)
        found |= {of[key] for key, state in zip(some, states, strict=True) if state}
    return found


def test_a_killed_process_is_replaced_and_loses_nothing_that_it_has_taken(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with running(tmp_path) as relay, GatewayProcess(relay.settings, workers=2, log=log) as gateway:
        client = _Client(gateway, 6, "kill")
        relay.run_for(1)
        _, first, second = gateway.pids
        os.kill(first, signal.SIGKILL)
        relay.wait_until(lambda: len(gateway.pids) == 3 and first not in gateway.pids, within_s=20)
        assert second in gateway.pids
        served = client.served()

        taken = [
            f"kill-{number}" for number, (status, _) in enumerate(served.answers) if status == 200
        ]
        assert known(relay, taken) == set(taken)
        assert [state for status, state in served.answers[-50:] if status == 200]
        assert f"process_ended [onport_producers.gateway.prefork] ended={first} status=-9" in (
            log.read_text()
        )


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with running(tmp_path) as relay, GatewayProcess(relay.settings, workers=2, log=log) as gateway:
        parent, *children = gateway.pids
        os.kill(parent, signal.SIGKILL)

        relay.wait_until(
            lambda: not any(Path(f"/proc/{child}/cmdline").exists() for child in children),
            within_s=20,
        )


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with running(tmp_path) as relay, Recorder() as other:
        port = urlsplit(other.url).port
        command = [sys.executable, "-P", "-m", "onport_worker.cli", "gateway", "--port", str(port)]
        done = subprocess.run(
            command,
            env=worker_environment(relay.settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == 2
    assert f"http://127.0.0.1:{port} can't be listened at" in done.stderr


def test_two_processes_count_together(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with running(tmp_path) as relay, GatewayProcess(relay.settings, workers=2, log=log) as gateway:
        for number in range(40):  # each over a connection of its own: some to each process
            body = json.dumps(sale("count", number)).encode()
            assert send(gateway.url, "manual-sale.json", "POST", body)[0] == 200
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        connection.request("GET", "/metrics")
        figures = connection.getresponse().read().decode()
        connection.close()

    assert 'onport_relay_gateway_jobs_total{kind="sale",state="pending"} 40.0' in figures
    assert "onport_relay_gateway_group_sales_sum 40.0" in figures
    assert 'onport_relay_jobs{account="default",state="pending"} 40.0' in figures


def test_a_spool_holds_what_a_killed_gateway_had_taken(tmp_path: Path) -> None:
    with running(tmp_path) as relay, Proxy(relay.broker_port) as proxy:
        settings = relay.settings_by(proxy.port)
        proxy.refuse()
        with GatewayProcess(settings, log=tmp_path / "gateway.log") as gateway:
            for number in range(20):
                body = json.dumps(sale("kept", number)).encode()
                status, receipt = send(gateway.url, "manual-sale.json", "POST", body)
                assert (status, receipt["state"]) == (200, "spooled")
            gateway.kill()
        spool = Spool.of(settings, SystemClock())
        assert spool.contents().jobs == 20
        spool.close()
        proxy.listen()
        with GatewayProcess(settings, log=tmp_path / "gateway.log"):
            relay.wait_until(lambda: relay.queue.stats().pending == 20, within_s=20)


def test_no_input_makes_it_fail(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with running(tmp_path) as relay, GatewayProcess(relay.settings, log=log) as gateway:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
        options = ["--checks", "all", "--max-examples", "25", "--continue-on-failure", "--no-color"]
        options += ["--seed", FUZZ_SEED]
        done = subprocess.run(
            [*command, f"{gateway.url}/openapi.json", "-H", f"jetti-webhook-hash:{HASH}", *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=_FUZZED_WITHIN_S * 2,
        )

        assert done.returncode == 0, done.stdout + done.stderr
        assert "No issues found" in done.stdout
        assert "Traceback" not in log.read_text()
        assert relay.queue.stats().ledger.accepted > 0
