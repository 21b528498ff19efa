from pathlib import Path

import pytest

import onport_producers
import onport_queue
import onport_sandbox
import onport_worker

MEMBERS = ["queue", "producers", "worker", "sandbox"]


@pytest.mark.parametrize("member", MEMBERS)
def test_a_members_folder_is_not_a_package(root: Path, member: str) -> None:
    # queue/ as a package would shadow the standard library's module.
    assert (root / member / "pyproject.toml").is_file()
    assert not (root / member / "__init__.py").exists()


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_is_one_package_of_its_own_name_with_types(root: Path, member: str) -> None:
    packages = [path.parent for path in (root / member).glob("*/__init__.py")]

    assert packages == [root / member / f"onport_{member}"]
    assert (packages[0] / "py.typed").is_file()


def test_config_is_data_only(checkout_files: list[Path], root: Path) -> None:
    config = [path for path in checkout_files if path.is_relative_to(root / "config")]

    assert config
    assert [path for path in config if path.suffix in {".py", ".pyi", ".pyc"}] == []


def test_the_four_distributions_have_one_version() -> None:
    versions = {
        package.__name__: package.__version__
        for package in (onport_queue, onport_producers, onport_worker, onport_sandbox)
    }

    assert len(set(versions.values())) == 1, versions
