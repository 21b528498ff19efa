"""The peers' environments: one for each lock, outside the workspace, made when it is needed."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

_PEERS = Path(__file__).parent / "peers"
_STAMP = "complete"


def default_folder() -> Path:
    """Return where environments are kept unless somebody says otherwise."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "onport-relay-bench"


class Environments:
    """Virtual environments with what a lock names, all of it, by its hashes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def home(self, peer: str) -> Path:
        """Return the folder of a peer's environment: another one for another lock or Python."""
        facts = hashlib.sha256(_lock(peer).read_bytes() + sys.version.encode()).hexdigest()
        return self._folder / f"{peer}-{facts[:12]}"

    def python(self, peer: str) -> Path:
        """Return the interpreter of a peer's environment; it is made if it is not there.

        Raises:
            SystemExit: the packages can't be installed.
        """
        lock, home = _lock(peer), self.home(peer)
        python = home / "bin" / "python"
        if not (home / _STAMP).exists():
            print(f"bench: preparing {home} ...", file=sys.stderr, flush=True)
            shutil.rmtree(home, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(home)], lock)
            install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            exactly = ["--no-deps", "--require-hashes", "--only-binary=:all:"]
            _run([*install, *exactly, "-r", str(lock)], lock)
            (home / _STAMP).touch()
        return python


def _lock(peer: str) -> Path:
    return _PEERS / peer / "requirements.lock"


def _run(command: list[str], lock: Path) -> None:
    # Warnings of an installation that succeeds are nobody's business.
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        raise SystemExit(f"bench: the environment of {lock} could not be made, see above")
