"""What stands in for images, and for the names and places that containers see."""

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from tests.compose_file import ROOT, Service

from onport_worker.embedded.binary import find_binary

_LISTENED_AT = re.compile(r"\b(?:0\.0\.0\.0|127\.0\.0\.1)\b")
_CLI = """#!{python}
import sys, redis
host = sys.argv[sys.argv.index("-h") + 1]
sys.exit(0 if sys.argv[-1] == "ping" and redis.Redis(host).ping() else 1)
"""
_SERVER = '#!/bin/sh\nexec {binary} "$@" --bind {address}\n'
_SCRIPT = """#!{python}
import sys
from {module} import {function}
sys.argv[0] = "{name}"
sys.exit({function}())
"""


class Rewriting:
    """Puts addresses in the place of host names, and places of this machine in that of mounts."""

    def __init__(
        self, addresses: Mapping[str, str], own: str, folder: Path, targets: list[str]
    ) -> None:
        names = "|".join(map(re.escape, addresses))
        self._addresses = addresses
        self._own = own
        self._folder = folder
        self._host = re.compile(rf"(?<=//)(?:{names})(?=[:/])")
        self._mounted = re.compile(rf"^(?:{'|'.join(map(re.escape, targets)) or '(?!)'})(?=/|$)")

    def rewritten(self, text: str) -> str:
        """Return a text of the file as it is true on this machine."""
        text = _LISTENED_AT.sub(self._own, text)
        text = self._host.sub(lambda found: self._addresses[found[0]], text)
        return self._mounted.sub(lambda found: f"{self._folder}{found[0]}", text)


class Image:
    """What an image brings: programs, a working directory, an environment."""

    def __init__(self, path: str, workdir: str, environment: Mapping[str, str]) -> None:
        self.path = path
        self.workdir = workdir
        self.environment = environment

    @classmethod
    def of(cls, service: Service, address: str, programs: Path) -> "Image":
        """Return what is there in the place of a service's image; its programs are put there."""
        programs.mkdir(parents=True)
        if service.build is not None:
            return cls._ours(programs)
        assert service.image.startswith("valkey/"), f"{service.image}: this machine has no such"
        _program(programs / "valkey-cli", _CLI.format(python=sys.executable))
        server = _SERVER.format(binary=find_binary(), address=address)
        _program(programs / "valkey-server", server)
        return cls(f"{programs}:{os.defpath}", "/data", {})

    @classmethod
    def _ours(cls, programs: Path) -> "Image":
        project = tomllib.loads((ROOT / "worker" / "pyproject.toml").read_text())["project"]
        for name, place in project["scripts"].items():
            module, function = place.split(":")
            names = {"name": name, "module": module, "function": function}
            _program(programs / name, _SCRIPT.format(python=sys.executable, **names))
        dockerfile = (ROOT / "Dockerfile").read_text()
        (workdir,) = re.findall(r"^WORKDIR (/srv\S*)$", dockerfile, re.MULTILINE)
        environment = dict(re.findall(r"\b(PYTHON[A-Z]+)=(\S+)", dockerfile))
        assert environment
        path = f"{programs}:{Path(sys.executable).parent}:{os.defpath}"
        return cls(path, workdir, environment)


def _program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)
