import re
from pathlib import Path

PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org"}
# An option or variable that says where packages come from; that is each machine's own matter.
INDEX_CHOICE = re.compile(
    r"index[-_]url|default[-_]index|tool\.uv\.index|uv[-_]index|pypi\.org/simple", re.IGNORECASE
)


def test_the_lock_names_no_hosts_but_the_public_ones(root: Path) -> None:
    hosts = set(re.findall(r"\w+://([^/\"\s]+)", (root / "uv.lock").read_text()))

    assert hosts == PUBLIC_HOSTS


def test_the_requirements_name_no_address_at_all(root: Path) -> None:
    assert "://" not in (root / "requirements.lock").read_text()


def test_every_requirement_is_pinned_and_hashed(root: Path) -> None:
    text = (root / "requirements.lock").read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert lines
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_no_file_chooses_a_package_index(checkout_files: list[Path], root: Path) -> None:
    chosen = [
        f"{path.relative_to(root)}: {choice[0]}"
        for path in checkout_files
        if path.name != "uv.lock" and (choice := INDEX_CHOICE.search(_text(path)))
    ]

    assert chosen == []


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
