"""What docker-compose.yml says, run without an engine: a job goes through all of it.

It has never been run by Docker here; what is not covered, containers.py says.
"""

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from redis import Redis
from tests.acceptance.containers import Containers
from tests.compose_file import ROOT, Compose, read_compose

from onport_queue.store import Queue
from onport_sandbox.control_client import ControlClient

pytestmark = pytest.mark.timeout(240)

OTHERS = {"prometheus", "grafana"}
"""Not of this test: this machine has no such programs."""

SALE = {"externalId": "parity-1", "lineItems": []}
LINKS = "sku,vendorSku,dropshipProviderExternalId\nTEE-RED-M,V-1001,northern-supply\n"
SCHEDULE = """
[[schedules]]
name = "links"
kind = "acknowledge"
source = "{folder}/*.csv"
every = "1s"
"""


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    """The file with the demo's settings, and a schedule."""
    etc, links = tmp_path / "etc", tmp_path / "links"
    etc.mkdir()
    links.mkdir()
    (links / "today.csv").write_text(LINKS)
    demo = ROOT / "config" / "demo"
    settings = (demo / "relay.toml").read_text() + SCHEDULE.format(folder=links)
    (etc / "relay.toml").write_text(settings)
    for secret in ("webhook_hash", "page_token"):
        (etc / secret).write_text((demo / secret).read_text())
    (etc / "alerts__webhook_url").write_text("http://127.0.0.1:9/nobody")
    compose = read_compose({"RELAY_ETC": str(etc)})
    for name in OTHERS & compose.services.keys():
        del compose.services[name]
    return compose


@pytest.fixture
def containers(compose: Compose, tmp_path: Path) -> Iterator[Containers]:
    with Containers(compose, tmp_path / "containers") as containers:
        yield containers


def put(containers: Containers, compose: Compose) -> int:
    """Hand a sale over as the shop does."""
    connection = http.client.HTTPConnection(containers.address("gateway"), 8080, timeout=10)
    webhook_hash = compose.secrets["webhook_hash"].file.read_text().strip()
    headers = {"content-type": "application/json", "jetti-webhook-hash": webhook_hash}
    path = "/webhooks/custom-channels/manual-sale.json"
    connection.request("POST", path, json.dumps(SALE), headers)
    status = connection.getresponse().status
    connection.close()
    return status


def scraped(compose: Compose, containers: Containers) -> Iterator[str]:
    """Yield what Prometheus would ask."""
    told = yaml.safe_load(compose.configs["prometheus"].file.read_text())
    for job in told["scrape_configs"]:
        places = [place for each in job.get("static_configs", ()) for place in each["targets"]]
        for each in job.get("dns_sd_configs", ()):
            places += [f"{name}:{each['port']}" for name in each["names"]]
        assert places, job["job_name"]
        for place in places:
            name, port = place.split(":")
            yield f"http://{containers.address(name)}:{port}/metrics"


def test_a_job_goes_through_and_everything_ends_when_told_to(
    containers: Containers, compose: Compose, wait_until: Callable[..., None]
) -> None:
    assert put(containers, compose) == 200

    with Redis(containers.address("broker")) as redis:
        queue = Queue(redis)
        delivered: set[str] = set()

        def all_have_arrived() -> bool:
            delivered.update(each.key for each in queue.delivered())
            return {"sale:default:parity-1", "variant:default:TEE-RED-M"} <= delivered

        wait_until(all_have_arrived, within_s=30)
        sandbox = ControlClient(containers.address("sandbox"), 8085)
        # Only the shop of the demo sends products.
        wait_until(lambda: sandbox.stats().by_kind["product"] > 0, within_s=30)
        assert queue.stats().imbalance == 0

    for place in scraped(compose, containers):
        with urlopen(place, timeout=10) as answer:
            assert b"onport_relay_" in answer.read(), place

    assert containers.stop() == dict.fromkeys(compose.services, 0)
    # Their root file systems are read-only.
    assert [file for name in compose.services for file in containers.written(name)] == []
