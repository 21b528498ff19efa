import subprocess
import sys
from pathlib import Path

HADOLINT = Path(sys.executable).with_name("hadolint")


def linted(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HADOLINT, "--no-color", file], capture_output=True, text=True, check=False
    )


def test_the_dockerfile_has_no_fault(root: Path) -> None:
    done = linted(root / "Dockerfile")

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_fault_would_be_noticed(root: Path, tmp_path: Path) -> None:
    faulty = tmp_path / "Dockerfile"
    faulty.write_text((root / "Dockerfile").read_text().replace("WORKDIR /", "WORKDIR ", 1))

    assert "DL3000" in linted(faulty).stdout


def test_what_the_dockerfile_copies_is_not_ignored(root: Path) -> None:
    lines = (root / "Dockerfile").read_text().splitlines()
    copied = {
        line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line
    }
    kept = {
        line.removeprefix("!")
        for line in (root / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }

    assert copied == kept
