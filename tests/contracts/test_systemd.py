import os
import re
import shlex
import subprocess
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

import pytest
from tests.compose_file import read_compose

from onport_worker.shutdown import GRACE_S

INSTALLED = "/opt/onport-relay/bin/"
PARTS = ("worker-high", "worker-low", "worker-schedules", "beat", "gateway", "alerts")
ALONE = "up"


@pytest.fixture
def units(root: Path) -> Path:
    return root / "config" / "systemd"


def unit(file: Path) -> ConfigParser:
    """Return a unit; of a key that is there twice the last one."""
    parser = ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[method-assign,assignment] # how its pages say it
    parser.read_string(file.read_text().replace("\\\n", " "))
    return parser


def service(units: Path, name: str) -> ConfigParser:
    return unit(units / f"onport-relay-{name}.service")


@pytest.fixture
def verified(
    units: Path, tmp_path: Path, require_tool: Callable[[str], Path]
) -> Callable[[str, str], str]:
    """What systemd says of the units, with one text of theirs replaced by another."""
    tool = require_tool("systemd-analyze")
    programs, copies = tmp_path / "bin", tmp_path / "units"
    programs.mkdir()
    for name in ("celery", "onport-relay"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)

    def verify(text: str, other: str) -> str:
        for file in units.rglob("*.*"):
            if file.is_file():
                copy = copies / file.relative_to(units)
                copy.parent.mkdir(parents=True, exist_ok=True)
                found = file.read_text().replace(INSTALLED, f"{programs}/")
                copy.write_text(found.replace(text, other))
        done = subprocess.run(
            [tool, "verify", "--man=no", *copies.glob("*.service"), *copies.glob("*.target")],
            # With the colon at its end: beside the machine's own units.
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{copies}:"},
            capture_output=True,
            text=True,
            check=False,
        )
        said = (done.stdout + done.stderr).splitlines()
        return "\n".join(line for line in said if "onport-relay" in line)

    return verify


def test_systemd_finds_no_fault(verified: Callable[[str, str], str]) -> None:
    assert verified("[Unit]", "[Unit]") == ""


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("ProtectSystem=", "ProtectTheSystem="),
        ("PartOf=", "PartsOf="),
        ("TimeoutStopSec=30", "TimeoutStopSec=soon"),
        ("/bin/celery", "/bin/salary"),
    ],
)
def test_systemd_would_notice_a_fault(
    verified: Callable[[str, str], str], text: str, wrong: str
) -> None:
    assert wrong.rstrip("=").rpartition("=")[2] in verified(text, wrong)


@pytest.mark.parametrize("name", PARTS)
def test_a_service_starts_what_its_container_starts(units: Path, name: str) -> None:
    command = shlex.split(service(units, name)["Service"]["ExecStart"].replace("%%", "%"))
    containers = read_compose().services[name].command

    assert command[0].startswith(INSTALLED)
    assert [
        Path(command[0]).name,
        *(part.replace("127.0.0.1", "0.0.0.0") for part in command[1:]),
    ] == containers


@pytest.mark.parametrize("name", [*PARTS, ALONE])
def test_only_who_needs_a_secret_has_it_and_as_a_file(units: Path, name: str) -> None:
    text = (units / f"onport-relay-{name}.service").read_text()
    given = re.findall(r"^LoadCredential=(\w+):/etc/onport-relay/(\w+)$", text, re.MULTILINE)
    read = re.findall(r"^Environment=ONPORT_RELAY_(\w+)_FILE=%d/(\w+)$", text, re.MULTILINE)
    special = {
        "beat": [],
        "gateway": ["webhook_hash", "page_token"],
        "alerts": ["alerts__webhook_url"],
    }
    needed = special.get(name, ["webhook_hash"])

    assert given == [(secret, secret) for secret in needed]
    assert read == [(secret.upper(), secret) for secret in needed]
    assert text.count("LoadCredential=") == len(needed)


def test_the_target_has_all_parts_and_stops_them(units: Path) -> None:
    for name in PARTS:
        its = service(units, name)
        assert its["Unit"]["PartOf"] == "onport-relay.target", name
        assert its["Install"]["WantedBy"] == "onport-relay.target", name
    assert service(units, ALONE)["Unit"]["Conflicts"] == "onport-relay.target"
    there = {file.stem.removeprefix("onport-relay-") for file in units.glob("*.service")}
    assert there == {*PARTS, ALONE}


def test_a_service_is_stopped_later_than_it_ends_by_itself(units: Path) -> None:
    common = unit(units / "onport-relay-.service.d" / "all.conf")

    assert int(common["Service"]["TimeoutStopSec"]) >= GRACE_S + 10
    assert common["Service"]["KillMode"] == "mixed"


def test_the_user_of_the_services_is_made(units: Path) -> None:
    common = unit(units / "onport-relay-.service.d" / "all.conf")
    made = re.findall(r"^u +(\S+)", (units / "onport-relay.sysusers").read_text(), re.MULTILINE)

    assert made == [common["Service"]["User"]]
