"""What real processes tell Prometheus, and that dashboard, rules and page speak of nothing else."""

import http.client
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.acceptance.gateway_process import GatewayProcess
from tests.acceptance.relay import HASH, Relay, running

from onport_queue.names import Lane
from onport_sandbox import SandboxSettings
from onport_worker.embedded.address import choose_port
from onport_worker.fleet import WorkerPlan

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/monitoring.md"
PREFIX = "onport_relay_"
# What Prometheus itself adds.
OWN_LABELS = {"instance", "job"}


class Told(NamedTuple):
    """One metric, as a scrape has it."""

    name: str
    kind: str
    labels: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A relay at work, and where its two kinds of processes are scraped."""

    relay: Relay
    gateway: GatewayProcess
    worker_port: int

    @property
    def ports(self) -> tuple[int, int]:
        return self.gateway.port, self.worker_port

    def told(self) -> list[Told]:
        """Return all that is told, the gateway's first."""
        return [
            Told(_named(family), family.type, _labels(family), family.documentation)
            for port in self.ports
            for family in text_string_to_metric_families(fetched(port, "/metrics").decode())
            if family.name.startswith(PREFIX) and not family.name.endswith("_created")
        ]

    def samples(self) -> dict[str, set[str]]:
        """Return the labels of each sample's name."""
        found: dict[str, set[str]] = {}
        for port in self.ports:
            for family in text_string_to_metric_families(fetched(port, "/metrics").decode()):
                for sample in family.samples:
                    found.setdefault(sample.name, set()).update(sample.labels)
        return found


def fetched(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body
    finally:
        connection.close()


def post(gateway: GatewayProcess, name: str, body: object) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    headers = {"jetti-webhook-hash": HASH, "content-type": "application/json"}
    path = f"/webhooks/custom-channels/{name}"
    connection.request("POST", path, json.dumps(body).encode(), headers)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A relay that has delivered, given up, been throttled, and has its low lane paused."""
    home = tmp_path_factory.mktemp("watched")
    port = choose_port(0, last=None)
    answers = SandboxSettings(hashes={"default": HASH}, poison=frozenset({"poison"}))
    both = [WorkerPlan("both", (Lane.HIGH, Lane.LOW), 4)]
    with (
        running(home, answers, rate=100) as relay,
        GatewayProcess(relay.settings, log=home / "gateway.log") as gateway,
    ):
        relay.start_workers(both, metrics_port=port)
        for key in ("good", "poison"):
            post(gateway, "manual-sale.json", {"externalId": key, "lineItems": []})
        relay.wait_until(lambda: relay.queue.stats().dead == 1, within_s=20)
        relay.sandbox.configure(rate=1, burst=1)
        for number in range(3):
            sale = {"externalId": f"quick-{number}", "lineItems": []}
            post(gateway, "manual-sale.json", sale)
        limit_is_learnt = lambda: relay.queue.stats().rate_limit is not None  # noqa: E731
        relay.wait_until(limit_is_learnt, within_s=20)
        relay.sandbox.reset()
        relay.queue.pause("lane:low", None, "by the test")
        post(gateway, "products.json", [{"sku": "kept"}])
        yield Watched(relay, gateway, port)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A real one, asked by its HTTP interface."""

    port: int

    def query(self, expression: str) -> list[Any]:
        query = urlencode({"query": expression})
        answer = json.loads(fetched(self.port, f"/api/v1/query?{query}"))
        found: list[Any] = answer["data"]["result"]
        return found

    def rules(self) -> list[Any]:
        (group,) = json.loads(fetched(self.port, "/api/v1/rules"))["data"]["groups"]
        found: list[Any] = group["rules"]
        return found


@pytest.fixture(scope="module")
def configured(watched: Watched) -> str:
    """The shipped configuration, with the addresses and the haste of a test."""
    shipped = yaml.safe_load((ROOT / "config/prometheus.yml").read_text())
    shipped["global"] = dict.fromkeys(shipped["global"], "1s")
    shipped["rule_files"] = [str(ROOT / "config" / name) for name in shipped["rule_files"]]
    for job, port in zip(shipped["scrape_configs"], watched.ports, strict=True):
        for key in ("static_configs", "dns_sd_configs"):
            job.pop(key, None)
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    return str(yaml.safe_dump(shipped))


def expressions() -> Mapping[str, str]:
    """Return the dashboard's queries by panel, with values for its variables."""
    dashboard = json.loads((ROOT / "config/grafana/dashboard.json").read_text())
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        .replace("$__rate_interval", "1m")
        .replace("$account", ".*")
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }


def rules() -> Mapping[str, str]:
    (group,) = yaml.safe_load((ROOT / "config/alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def test_the_dashboard_and_the_rules_use_only_what_is_told(watched: Watched) -> None:
    samples = watched.samples()
    for place, expression in {**expressions(), **rules()}.items():
        bare = re.sub(r'"[^"]*"', "", expression)
        names = re.findall(rf"{PREFIX}\w+", bare)
        unknown = set(names) - samples.keys()
        assert not unknown, f"{place}: {unknown}"
        labels = set(re.findall(r"(\w+)\s*(?:=~|!=|=(?!=))", bare))
        for grouping in re.findall(r"by \(([^)]*)\)", bare):
            labels |= set(re.split(r",\s*", grouping))
        known = OWN_LABELS.union(*(samples[name] for name in names))
        assert labels <= known, f"{place}: {labels - known}"


def test_the_page_has_every_metric_as_it_is_told(watched: Watched) -> None:
    rows = sorted(
        f"| `{told.name}` | {told.kind} | {_listed(told.labels)} | {told.text} |"
        for told in watched.told()
    )
    page = PAGE.read_text().splitlines()
    on_page = sorted(line for line in page if line.startswith(f"| `{PREFIX}"))
    assert "\n".join(on_page) == "\n".join(rows)


def test_promtool_finds_the_names_and_types_standard(
    watched: Watched, require_tool: Callable[[str], Path]
) -> None:
    for port in watched.ports:
        told = fetched(port, "/metrics")
        command = [str(require_tool("promtool")), "check", "metrics"]
        done = subprocess.run(command, input=told, capture_output=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_prometheus_fills_every_panel_and_evaluates_every_rule(
    watched: Watched,
    configured: str,
    require_tool: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    (tmp_path / "prometheus.yml").write_text(configured)
    port = choose_port(0, last=None)
    command: Sequence[str | Path] = [
        require_tool("prometheus"),
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    prometheus, log = Prometheus(port), tmp_path / "log"
    with log.open("wb") as output, subprocess.Popen(command, stderr=output) as process:
        try:
            empty = dict(expressions())

            def is_full() -> bool:
                assert process.poll() is None, log.read_text()
                try:
                    filled = [place for place, query in empty.items() if prometheus.query(query)]
                except ConnectionError:
                    return False  # it has not begun to listen
                for place in filled:
                    del empty[place]
                return not empty and all(rule["health"] == "ok" for rule in prometheus.rules())

            try:
                watched.relay.wait_until(is_full, within_s=60, poll_s=0.5)
            except AssertionError as error:
                raise AssertionError(f"empty: {empty}; {prometheus.rules()}") from error
        finally:
            process.terminate()
            process.wait(20)


def _named(family: Any) -> str:
    return f"{family.name}_total" if family.type == "counter" else str(family.name)


def _labels(family: Any) -> frozenset[str]:
    names: set[str] = set().union(*(sample.labels for sample in family.samples))
    return frozenset(names - {"le"})


def _listed(labels: frozenset[str]) -> str:
    return ", ".join(f"`{label}`" for label in sorted(labels)) or "none"
