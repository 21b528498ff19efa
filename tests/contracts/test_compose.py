import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml
from tests.compose_file import COMPOSE_FILE, Compose, Service, read_compose

import onport_worker
from onport_queue.settings import load_settings
from onport_sandbox.settings import DEFAULT_HASH
from onport_worker.shutdown import GRACE_S

DEMO = {"RELAY_ETC": "config/demo"}
WORKERS = {"worker-high": "high", "worker-low": "high,low", "worker-schedules": "schedules"}
A_SHOP = "load"


@pytest.fixture(scope="module")
def compose() -> Compose:
    return read_compose(DEMO)


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft7Validator:
    text = Path(__file__).with_name("compose.schema.json").read_text()
    return jsonschema.Draft7Validator(json.loads(text))


def option(service: Service, name: str) -> str:
    return service.command[service.command.index(name) + 1]


def seconds(period: str | None) -> int:
    assert period is not None
    assert period.endswith("s")
    return int(period.removesuffix("s"))


def test_the_file_is_valid_by_the_schema(schema: jsonschema.Draft7Validator) -> None:
    found = schema.iter_errors(yaml.safe_load(COMPOSE_FILE.read_text()))

    assert [f"{error.json_path}: {error.message}" for error in found] == []


def test_the_schema_notices_a_misspelt_key(schema: jsonschema.Draft7Validator) -> None:
    text = COMPOSE_FILE.read_text()

    assert not schema.is_valid(yaml.safe_load(text.replace("command:", "comand:", 1)))


def test_the_services_are_these(compose: Compose) -> None:
    relay = {"broker", *WORKERS, "beat", "gateway", "alerts"}
    demo = {"sandbox", A_SHOP}

    assert set(compose.services) == relay | {"prometheus", "grafana"} | demo
    profiles = {name: its.profiles for name, its in compose.services.items() if its.profiles}
    assert profiles == {"alerts": ["alerts"], **{name: ["demo"] for name in demo}}


def test_every_dependency_is_a_service_that_can_meet_its_condition(compose: Compose) -> None:
    unmet = [
        f"{name} -> {target} ({dependency.condition})"
        for name, service in compose.services.items()
        for target, dependency in service.depends_on.items()
        if target not in compose.services
        or (dependency.condition == "service_healthy" and not compose.services[target].healthcheck)
        or (compose.services[target].profiles and not service.profiles)
    ]

    assert unmet == []


@pytest.mark.parametrize("kind", ["configs", "secrets", "networks", "volumes"])
def test_what_services_use_is_declared_and_what_is_declared_is_used(
    compose: Compose, kind: str
) -> None:
    uses: dict[str, Callable[[Service], list[str]]] = {
        "configs": lambda service: [one.source for one in service.configs],
        "secrets": lambda service: service.secrets,
        "networks": lambda service: service.networks,
        "volumes": lambda service: [volume.split(":")[0] for volume in service.volumes],
    }
    used = {name for service in compose.services.values() for name in uses[kind](service)}

    assert used == set(getattr(compose, kind))


def test_every_file_of_the_demo_is_in_the_checkout(compose: Compose) -> None:
    secrets = [its for name, its in compose.secrets.items() if name != "alerts__webhook_url"]
    files = [one.file for one in (*compose.configs.values(), *secrets)]

    assert [str(file) for file in files if not file.is_file()] == []


def test_what_is_the_operators_is_in_one_folder_that_git_ignores(root: Path) -> None:
    theirs = read_compose()

    assert {name: secret.file for name, secret in theirs.secrets.items()} == {
        name: root / "etc" / name for name in ("webhook_hash", "page_token", "alerts__webhook_url")
    }
    assert theirs.configs["relay"].file == root / "etc" / "relay.toml"
    assert "/etc/" in (root / ".gitignore").read_text().splitlines()


def test_the_demos_settings_are_good_and_its_hash_is_the_sandboxs(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONPORT_RELAY_WEBHOOK_HASH_FILE", str(compose.secrets["webhook_hash"].file))
    settings = load_settings(compose.configs["relay"].file)

    assert [one.get_secret_value() for one in settings.hashes_of("default")] == [DEFAULT_HASH]
    port = option(compose.services["sandbox"], "--port")
    assert settings.base_url.startswith(f"http://sandbox:{port}/")


def test_every_address_names_a_service_and_its_port(compose: Compose) -> None:
    listens = {
        "broker": "6379",
        **{name: option(compose.services[name], "--port") for name in ("gateway", "sandbox")},
    }
    texts = [
        text
        for service in compose.services.values()
        for text in (*service.environment.values(), *service.command)
    ]
    named = {found for text in texts for found in re.findall(r"\w+://([^:/]+):(\d+)", text)}

    assert named == {("broker", "6379"), ("gateway", listens["gateway"])}
    for name in ("gateway", "sandbox"):
        healthcheck = compose.services[name].healthcheck
        assert healthcheck is not None
        assert f"http://127.0.0.1:{listens[name]}/" in healthcheck.test[-1]
        (port,) = compose.services[name].ports
        assert port.endswith(f":{listens[name]}")


def test_prometheus_scrapes_what_tells_figures_and_finds_its_rules(compose: Compose) -> None:
    prometheus = compose.services["prometheus"]
    files = {Path(one.target): compose.configs[one.source].file for one in prometheus.configs}
    place = Path(prometheus.command[0].removeprefix("--config.file="))
    found = yaml.safe_load(files[place].read_text())
    gateways, workers = found["scrape_configs"]

    port = option(compose.services["gateway"], "--port")
    assert gateways["static_configs"] == [{"targets": [f"gateway:{port}"]}]
    assert [(each["names"], each["port"]) for each in workers["dns_sd_configs"]] == [
        (
            ["worker-high", "worker-low"],
            int(compose.services["worker-high"].environment["ONPORT_RELAY_METRICS_PORT"]),
        )
    ]
    assert {place.parent / name for name in found["rule_files"]} <= files.keys()


def test_grafana_shows_the_dashboard_of_that_prometheus(compose: Compose) -> None:
    grafana = compose.services["grafana"]
    text = {
        Path(one.target): compose.configs[one.source].file.read_text() for one in grafana.configs
    }
    sources, folders = (
        yaml.safe_load(text[Path(f"/etc/grafana/provisioning/{kind}/relay.yml")])
        for kind in ("datasources", "dashboards")
    )
    home = Path(grafana.environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])

    assert [source["url"] for source in sources["datasources"]] == ["http://prometheus:9090"]
    assert [provider["options"]["path"] for provider in folders["providers"]] == [str(home.parent)]
    assert json.loads(text[home])["title"] == "Onport Relay"


def test_nothing_is_published_but_to_this_machine(compose: Compose) -> None:
    published = [port for service in compose.services.values() for port in service.ports]

    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_only_who_needs_a_secret_has_it_and_as_a_file(compose: Compose) -> None:
    have = {
        secret: {name for name, service in compose.services.items() if secret in service.secrets}
        for secret in compose.secrets
    }

    assert have == {
        "webhook_hash": {*WORKERS, "gateway", A_SHOP},
        "page_token": {"gateway"},
        "alerts__webhook_url": {"alerts"},
    }
    for name, service in compose.services.items():
        files = {
            variable: value
            for variable, value in service.environment.items()
            if re.search("HASH|TOKEN|WEBHOOK|PASSWORD", variable)
        }
        assert files == {
            f"ONPORT_RELAY_{secret.upper()}_FILE": f"/run/secrets/{secret}"
            for secret in service.secrets
        }, name


def test_only_who_needs_the_broker_reaches_it(compose: Compose) -> None:
    assert compose.networks["queue"] == {"internal": True}
    reach = {name for name, service in compose.services.items() if "queue" in service.networks}

    assert reach == {
        name
        for name, service in compose.services.items()
        if "ONPORT_RELAY_REDIS_URL" in service.environment
    } | {"broker"}


def test_every_image_has_a_full_version(compose: Compose) -> None:
    images = {service.image for service in compose.services.values() if service.build is None}
    ours = {service.image for service in compose.services.values() if service.build is not None}

    assert [image for image in images if not re.search(r":v?\d+\.\d+\.\d+$", image)] == []
    assert ours == {f"onport-relay:{onport_worker.__version__}"}


def test_every_container_may_do_as_little_as_possible(compose: Compose, root: Path) -> None:
    for name, service in compose.services.items():
        assert service.read_only, name
        assert service.tmpfs, name
        assert service.cap_drop == ["ALL"], name
        assert service.security_opt == ["no-new-privileges:true"], name
        assert service.restart == "unless-stopped", name
        if service.build is None:
            assert service.user is not None, name
            assert service.user.split(":")[0] not in ("0", "root"), name
    assert (
        re.findall(r"^USER (.*)$", (root / "Dockerfile").read_text(), re.MULTILINE)[-1] == "10001"
    )


def test_every_service_of_ours_that_others_rely_on_says_when_it_is_ready(
    compose: Compose,
) -> None:
    without = {name for name, service in compose.services.items() if not service.healthcheck}

    assert without == {A_SHOP, "alerts"}


def test_a_container_is_stopped_later_than_it_ends_by_itself(compose: Compose) -> None:
    graces = {name: seconds(its.stop_grace_period) for name, its in compose.services.items()}

    assert {name for name, grace in graces.items() if grace < GRACE_S + 10} == set()


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_serves_its_queues_with_threads_under_a_name_that_its_healthcheck_asks_for(
    compose: Compose, name: str
) -> None:
    worker = compose.services[name]

    assert worker.command[:5] == ["celery", "-A", "onport_worker.app", "-q", "worker"]
    assert option(worker, "-P") == "threads"
    assert option(worker, "-Q") == WORKERS[name]
    assert worker.healthcheck is not None
    assert option(worker, "-n") == f"{worker.healthcheck.test[-1]}@%h"


def test_the_broker_runs_with_the_shipped_file(compose: Compose, root: Path) -> None:
    (mounted,) = compose.services["broker"].configs

    assert compose.configs[mounted.source].file == root / "config" / "redis.conf"
    assert compose.services["broker"].command[:2] == ["valkey-server", mounted.target]


@pytest.mark.parametrize("name", ["gateway", "worker-schedules", "alerts"])
def test_who_puts_or_looks_at_it_has_the_spool_on_a_volume(compose: Compose, name: str) -> None:
    service = compose.services[name]
    targets = [volume.split(":")[1] for volume in service.volumes]

    assert str(Path(service.environment["ONPORT_RELAY_SPOOL_PATH"]).parent) in targets


def test_the_page_s_additions_fit_the_file(
    compose: Compose, schema: jsonschema.Draft7Validator, root: Path
) -> None:
    page = (root / "docs" / "deploy.md").read_text()
    (text,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    added = yaml.safe_load(text)

    assert [error.message for error in schema.iter_errors(added)] == []
    assert added["services"].keys() <= compose.services.keys()
    for name, service in added["services"].items():
        assert set(service.get("secrets", ())) <= added["secrets"].keys(), name


def test_the_page_s_table_names_the_services(compose: Compose, root: Path) -> None:
    rows = re.findall(r"^\| (`.*?`) \|", (root / "docs" / "deploy.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}

    assert named >= compose.services.keys()
