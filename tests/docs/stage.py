"""Where a page's blocks run: a folder like a checkout, one shell's environment, what runs on."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.docs.blocks import ROOT, Block
from tests.docs.warm import CALL

from onport_queue.clock import SystemClock
from onport_queue.settings import ENVIRONMENT_PREFIX

_PATIENCE_S = 60.0
_POLL_S = 0.02
_PYTHONS = Path(sys.executable).parent
_EXPORTS = ".exports"
_SHELL = f"""\
set -euo pipefail
[ ! -f {_EXPORTS} ] || . ./{_EXPORTS}
trap 'export -p >"$DOCS_STAGE/{_EXPORTS}"' DEBUG EXIT
"""
_PORT = re.compile(r"(127\.0\.0\.1:|--port |--gateway )([1-9]\d{3,4})\b")
_PUBLIC = re.compile(r"https?://(?!127\.0\.0\.1[:/])[\w.-]+\.(?:io|com|net|org)\b")


@dataclass
class Stage:
    """A folder like a checkout, whose `./relay` is this Python's, and what was started in it."""

    folder: Path
    environment: dict[str, str]
    stand_ins: dict[str, str] = field(default_factory=dict)
    """What is here in place of what pages name: folders of the system, databases."""

    uses: dict[str, str] = field(default_factory=dict)
    """What a shop adds to the Python block that holds this text, so that more than a def runs."""

    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What happens, or a person does, before the block that holds this text."""

    _ports: dict[str, str] = field(default_factory=dict)
    _running: list["_Running"] = field(default_factory=list)

    def configure(self, **settings: str) -> None:
        """Set settings in the environment."""
        for name, value in settings.items():
            self.environment[ENVIRONMENT_PREFIX + name.upper()] = value

    def setting(self, name: str) -> str:
        """Return a setting of the environment."""
        return self.environment[ENVIRONMENT_PREFIX + name.upper()]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for what other processes bring about."""
        clock, never = SystemClock(), threading.Event()
        patient_until = clock.monotonic_s() + _PATIENCE_S
        while not condition():
            assert clock.monotonic_s() < patient_until, f"not within {_PATIENCE_S:.0f} s"
            clock.wait(never, _POLL_S)

    def wait_for_gateway(self, named: str) -> None:
        """Wait until the gateway serves at the port that a page names."""

        def answers() -> bool:
            try:
                with urlopen(f"http://127.0.0.1:{self.port(named)}/healthz") as answer:
                    return bool(answer.status == HTTPStatus.OK)
            except URLError:
                return False

        self.wait_until(answers)

    def write(self, name: str, text: str) -> Path:
        """Write a file that the page speaks of."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def program(self, command: Sequence[str | Path], block: Block) -> str:
        """Run a program in the environment that the shell's blocks have exported."""
        shell = ["bash", "-c", _SHELL + '"$@"', "program", *command]
        return self.run(shell, block, exits=block.exits)

    def run(self, command: Sequence[str | Path], block: Block, *, exits: str = "0") -> str:
        """Run a program for a block, and require how it ends; return what it says."""
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=_PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                pytest.fail(f"{block.place}: has not ended after {_PATIENCE_S:.0f} s\n{block.text}")
        told = f"{block.place}\n{block.text}\n{said}"
        assert str(process.returncode) == exits, f"exited with {process.returncode}: {told}"
        return said

    def shell(self, block: Block) -> None:
        """Run a block of shell commands; what it exports is there for the next ones."""
        assert not _PUBLIC.search(block.text), f"{block.place}: would leave this machine"
        text = self.local(block.text)
        if block.says is None:
            self.run(["bash", "-c", _SHELL + text], block, exits=block.exits)
        else:
            self._start(text, block, block.says)

    def local(self, text: str) -> str:
        """Return a text with what is here in place of what it names: ports, and the stand-ins."""
        for named, here in self.stand_ins.items():
            text = text.replace(named, here)
        return _PORT.sub(lambda found: found[1] + self.port(found[2]), text)

    def port(self, named: str) -> str:
        """Return the port that stands for the one that a page names."""
        if named not in self._ports:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self._ports[named] = str(free.getsockname()[1])
        return self._ports[named]

    def close(self) -> None:
        """End what runs on, the last first, and require that it ends well."""
        while self._running:
            self._running.pop().stop()

    def abandon(self) -> None:
        """End what still runs after a failure."""
        for running in self._running:
            running.process.terminate()
            running.process.wait(_PATIENCE_S)

    def _start(self, text: str, block: Block, says: str) -> None:
        *before, last = re.findall(r"(?:[^\n]*\\\n)*[^\n]*\n", text)
        output = self.folder / f".output-{block.line}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"{_SHELL}{''.join(before)}exec {last}"],
                cwd=self.folder,
                env={**self.environment, "DOCS_COLD": "1"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        running = _Running(block, process, output)
        self._running.append(running)
        running.wait_for(says, self)


@dataclass(frozen=True, slots=True)
class _Running:
    block: Block
    process: subprocess.Popen[bytes]
    output: Path

    def wait_for(self, said: str, stage: Stage) -> None:
        def is_told() -> bool:
            if self.process.poll() is not None:
                pytest.fail(
                    f"{self.block.place}: ended with {self.process.poll()}:\n{self._told()}"
                )
            return said in self._told()

        try:
            stage.wait_until(is_told)
        except AssertionError as error:
            raise AssertionError(
                f"{self.block.place}: did not say {said!r}:\n{self._told()}"
            ) from error

    def stop(self) -> None:
        assert self.process.poll() is None, f"{self.block.place}: ended by itself:\n{self._told()}"
        self.process.terminate()
        code = self.process.wait(_PATIENCE_S)
        assert code == 0, f"{self.block.place}: exited with {code}:\n{self._told()}"

    def _told(self) -> str:
        return self.output.read_text(errors="replace")


@contextmanager
def relay_call(folder: Path) -> Iterator[str]:
    """Serve calls of `onport-relay` while the context lasts; gives the program that makes one."""
    with TemporaryDirectory(prefix="docs-") as short:  # the path of a socket has 108 bytes at most
        address = str(Path(short, "s"))
        server = subprocess.Popen(
            [sys.executable, "-P", Path(__file__).with_name("warm.py"), address],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield CALL.format(python=sys.executable, address=address)


@contextmanager
def staged(folder: Path, call: str, **settings: str) -> Iterator[Stage]:
    """Make a stage, with these settings in its environment."""
    programs = folder / "bin"
    programs.mkdir()
    for program in (folder / "relay", programs / "onport-relay"):
        program.write_text(call)
        program.chmod(0o755)
    shutil.copytree(ROOT / "config", folder / "config")
    # curl says nothing of an answer of 4xx or 5xx unless it is told to.
    (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    stage = Stage(folder, _environment(folder, programs))
    stage.configure(gateway_port=stage.port("8080"), **settings)
    try:
        yield stage
        stage.close()
    finally:
        stage.abandon()


def _environment(folder: Path, programs: Path) -> dict[str, str]:
    own: Mapping[str, str] = {
        "HOME": str(folder),
        "PATH": os.pathsep.join([str(programs), str(_PYTHONS), os.environ["PATH"]]),
        "DOCS_STAGE": str(folder),
        "no_proxy": "127.0.0.1",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ENVIRONMENT_PREFIX)}
    return {**kept, **own}
