import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import BaseModel


class Dependency(BaseModel):
    condition: str


class Healthcheck(BaseModel):
    test: list[str]


class Service(BaseModel):
    image: str
    build: str | None = None
    command: list[str] = []
    depends_on: dict[str, Dependency] = {}
    environment: dict[str, str] = {}
    healthcheck: Healthcheck | None = None
    volumes: list[str] = []
    stop_grace_period: str | None = None


class Compose(BaseModel):
    services: dict[str, Service]
    volumes: dict[str, None] = {}


@pytest.fixture(scope="module")
def compose_text(root: Path) -> str:
    return (root / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def compose(compose_text: str) -> Compose:
    return Compose.model_validate(yaml.safe_load(compose_text))


def test_the_file_is_valid_by_the_schema(compose_text: str) -> None:
    schema = json.loads(Path(__file__).with_name("compose.schema.json").read_text())
    found = jsonschema.Draft7Validator(schema).iter_errors(yaml.safe_load(compose_text))

    assert [f"{error.json_path}: {error.message}" for error in found] == []


def test_the_schema_notices_a_misspelt_key(compose_text: str) -> None:
    schema = json.loads(Path(__file__).with_name("compose.schema.json").read_text())
    misspelt = yaml.safe_load(compose_text.replace("command:", "comand:", 1))

    assert not jsonschema.Draft7Validator(schema).is_valid(misspelt)


def test_the_services_are_these(compose: Compose) -> None:
    assert set(compose.services) == {"broker", "worker-high", "worker-low", "sandbox"}


def test_every_dependency_is_a_service_that_can_meet_its_condition(compose: Compose) -> None:
    unmet = [
        f"{name} -> {target} ({dependency.condition})"
        for name, service in compose.services.items()
        for target, dependency in service.depends_on.items()
        if target not in compose.services
        or (dependency.condition == "service_healthy" and not compose.services[target].healthcheck)
    ]

    assert unmet == []


def test_every_volume_is_declared_or_in_the_checkout(compose: Compose, root: Path) -> None:
    sources = {
        volume.split(":")[0] for service in compose.services.values() for volume in service.volumes
    }
    files = {source for source in sources if source.startswith(".")}

    assert {source for source in files if not (root / source).exists()} == set()
    assert sources - files == set(compose.volumes)


def test_every_address_names_a_service(compose: Compose) -> None:
    defaults = [
        re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        for service in compose.services.values()
        for value in service.environment.values()
    ]
    hosts = {host for value in defaults for host in re.findall(r"\w+://([^:/]+)", value)}

    assert hosts == {"broker", "sandbox"}


def test_the_workers_send_to_the_port_that_the_sandbox_listens_at(compose: Compose) -> None:
    sandbox = compose.services["sandbox"]
    port = sandbox.command[sandbox.command.index("--port") + 1]

    assert (
        f"//sandbox:{port}/" in compose.services["worker-low"].environment["ONPORT_RELAY_BASE_URL"]
    )
    assert sandbox.healthcheck is not None
    assert f", {port})" in sandbox.healthcheck.test[-1]


def test_every_image_of_others_has_a_full_version(compose: Compose) -> None:
    images = [service.image for service in compose.services.values() if service.build is None]

    assert images
    assert [image for image in images if not re.search(r":\d+\.\d+\.\d+", image)] == []


@pytest.mark.parametrize("lane", ["high", "low"])
def test_a_worker_serves_its_lane_with_threads_and_may_finish(compose: Compose, lane: str) -> None:
    worker = compose.services[f"worker-{lane}"]

    assert worker.command[:4] == ["celery", "-A", "onport_worker.app", "worker"]
    assert worker.command[worker.command.index("-P") + 1] == "threads"
    assert worker.command[worker.command.index("-Q") + 1] == lane
    assert worker.stop_grace_period == "20s"  # it ends by itself within 15 s


def test_the_broker_runs_with_the_shipped_file(compose: Compose) -> None:
    (mounted,) = [
        volume.split(":")[1]
        for volume in compose.services["broker"].volumes
        if volume.startswith("./config/redis.conf:")
    ]

    assert compose.services["broker"].command[:2] == ["valkey-server", mounted]
