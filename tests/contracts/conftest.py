import os
import shutil
import subprocess
from pathlib import Path

import pytest

_NOT_OURS = {".git", ".venv", ".relay", "dist", "__pycache__"}


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def checkout_files(root: Path) -> list[Path]:
    """The files of the checkout: those that git has or would take, else all that look like ours."""
    listed = _listed_by_git(root) or _walked(root)
    assert root / "uv.lock" in listed
    return [path for path in listed if path.is_file()]


def _listed_by_git(root: Path) -> list[Path]:
    git = shutil.which("git")
    if git is None:
        return []
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    # Fails where there is no repository (an archive), or git distrusts another owner's one.
    return [root / name for name in done.stdout.split("\0") if name] if not done.returncode else []


def _walked(root: Path) -> list[Path]:
    found: list[Path] = []
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _NOT_OURS and "cache" not in name]
        found += [Path(place, name) for name in names]
    return found
