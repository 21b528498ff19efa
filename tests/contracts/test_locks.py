import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

EXPORTS = ("requirements.lock", "requirements-run.lock")
PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org"}
# An option or variable that says where packages come from; that is each machine's own matter.
INDEX_CHOICE = re.compile(
    r"index[-_]url|default[-_]index|tool\.uv\.index|uv[-_]index|pypi\.org/simple", re.IGNORECASE
)


def test_the_lock_names_no_hosts_but_the_public_ones(root: Path) -> None:
    hosts = set(re.findall(r"\w+://([^/\"\s]+)", (root / "uv.lock").read_text()))

    assert hosts == PUBLIC_HOSTS


@pytest.mark.parametrize("lock", EXPORTS)
def test_the_requirements_name_no_address_at_all(root: Path, lock: str) -> None:
    assert "://" not in (root / lock).read_text()


@pytest.mark.parametrize("lock", EXPORTS)
def test_every_requirement_is_pinned_and_hashed(root: Path, lock: str) -> None:
    lines = list(_requirements(root / lock))

    assert lines
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_what_runs_is_what_is_tested(root: Path) -> None:
    tested, running = (set(map(_pin, _requirements(root / lock))) for lock in EXPORTS)

    assert running < tested


def test_what_runs_holds_no_tools_of_development(root: Path) -> None:
    groups = tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]
    tools = {re.split(r"[^\w-]", tool)[0] for group in groups.values() for tool in group}
    running = {
        _pin(line).partition("==")[0] for line in _requirements(root / "requirements-run.lock")
    }

    assert "pytest" in tools
    assert running & tools == set()


def test_the_image_installs_what_runs(root: Path) -> None:
    installed = re.findall(r"-r (\S+)", (root / "Dockerfile").read_text())

    assert installed == ["requirements-run.lock"]
    assert "!requirements-run.lock" in (root / ".dockerignore").read_text().splitlines()


def test_no_file_chooses_a_package_index(checkout_files: list[Path], root: Path) -> None:
    chosen = [
        f"{path.relative_to(root)}: {choice[0]}"
        for path in checkout_files
        if path.name != "uv.lock" and (choice := INDEX_CHOICE.search(_text(path)))
    ]

    assert chosen == []


def _requirements(lock: Path) -> Iterator[str]:
    for line in lock.read_text().replace("\\\n", "").splitlines():
        if line and not line.lstrip().startswith("#"):
            yield line


def _pin(requirement: str) -> str:
    return requirement.split(maxsplit=1)[0]


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
