"""A peer: its app in an environment of its own, its workers in sessions of their own."""

import os
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.contender import ROOT, Arena, Shop, publisher
from tests.benchmarks.peers.setup import Setup

from onport_worker.embedded.leash import Leash

_STOPS_WITHIN_S = 5.0
_VERSIONS = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"

Commands = Callable[[Setup], Sequence[Sequence[str]]]
"""For a setup the arguments of Python for each of the worker's processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What others would use.

    Attributes:
        module: its app, and when it is run its publisher.
        packages: the distributions whose versions matter.
        python: the interpreter of its environment.
        environment: variables that tell its app how to be.
    """

    name: str
    title: str
    setup_text: str
    module: str
    packages: tuple[str, ...]
    commands: Commands
    python: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def versions(self) -> Mapping[str, str]:
        """Return the exact versions of its packages."""
        command = [str(self.python), "-c", _VERSIONS, *self.packages]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return dict(zip(self.packages, told, strict=True))

    def publishing(self, arena: Arena, setup: Setup) -> AbstractContextManager[Shop]:
        """Run its publisher."""
        command = [str(self.python), "-m", self.module]
        return publisher(command, self._variables(arena, setup), arena)

    @contextmanager
    def working(self, arena: Arena, setup: Setup) -> Iterator[Collection[int]]:
        """Run its workers; at the end they are killed, whatever they do, with their children."""
        with ExitStack() as stack:
            pids = []
            for arguments in self.commands(setup):
                command = [str(self.python), *arguments]
                worker = _session(
                    command, self._variables(arena, setup), arena.home / "contender.log"
                )
                pids.append(stack.enter_context(worker))
            yield pids

    def _variables(self, arena: Arena, setup: Setup) -> dict[str, str]:
        # What else is imported is found from the checkout; only the standard library is needed.
        # What a killed process leaves in its temporary directory goes with the arena.
        folders = {"PYTHONPATH": str(ROOT), "TMPDIR": str(arena.home)}
        return {**folders, **self.environment, **setup.environment()}


@contextmanager
def _session(command: Sequence[str], variables: Mapping[str, str], log_path: Path) -> Iterator[int]:
    leash = Leash()
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(leash.fd,),
        )
    leash.tie(process.pid)
    try:
        yield process.pid
    finally:
        # Not the leader first: what it leaves behind would belong to nobody.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_STOPS_WITHIN_S)
        leash.drop()
