"""docker-compose.yml as values, with its variables filled in."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel

ROOT = Path(__file__).parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class Dependency(BaseModel):
    """What a service waits for."""

    condition: str


class Healthcheck(BaseModel):
    """When a service is ready."""

    test: list[str]


class Mounted(BaseModel):
    """A file of the top level, and where a service sees it."""

    source: str
    target: str


class Service(BaseModel):
    """What a container runs, and with what."""

    image: str
    build: str | None = None
    command: list[str] = []
    profiles: list[str] = []
    depends_on: dict[str, Dependency] = {}
    environment: dict[str, str] = {}
    healthcheck: Healthcheck | None = None
    volumes: list[str] = []
    configs: list[Mounted] = []
    secrets: list[str] = []
    networks: list[str] = []
    ports: list[str] = []
    user: str | None = None
    read_only: bool = False
    tmpfs: list[str] = []
    cap_drop: list[str] = []
    security_opt: list[str] = []
    restart: str | None = None
    stop_grace_period: str | None = None


class OfFile(BaseModel):
    """Something of the top level whose content is a file's."""

    file: Path


class Compose(BaseModel):
    """The whole file."""

    services: dict[str, Service]
    configs: dict[str, OfFile]
    secrets: dict[str, OfFile]
    networks: dict[str, dict[str, bool] | None]
    volumes: dict[str, None]


def read_compose(variables: Mapping[str, str] | None = None) -> Compose:
    """Return the file; files that it names are absolute.

    Args:
        variables: as if they were in the environment of `docker compose`.

    Raises:
        KeyError: it uses a variable that is neither given nor has a default.
    """
    given = variables or {}

    def filled(found: re.Match[str]) -> str:
        default = found[2]
        return given[found[1]] if default is None else given.get(found[1]) or default

    compose = Compose.model_validate(
        yaml.safe_load(_VARIABLE.sub(filled, COMPOSE_FILE.read_text()))
    )
    for one in (*compose.configs.values(), *compose.secrets.values()):
        one.file = ROOT / one.file
    return compose
