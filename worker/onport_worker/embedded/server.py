"""One run of the server program, from its start to its end."""

import os
import subprocess
import threading
from pathlib import Path

from onport_queue.clock import Clock
from onport_worker.embedded.conf import ServerConf
from onport_worker.embedded.errors import BrokerFailedError
from onport_worker.embedded.leash import Leash
from onport_worker.embedded.lock import DirectoryLock
from onport_worker.embedded.readiness import Readiness, ask

CONF_NAME = "valkey.conf"
LOG_NAME = "valkey.log"
_ANSWER_S = 15.0
_ASK_EVERY_S = 0.005
_TAIL_BYTES = 800


class Server:
    """A server process; made by starting it."""

    def __init__(
        self,
        binary: Path,
        conf: ServerConf,
        *,
        lock: DirectoryLock,
        leash: Leash,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._binary = binary
        self._conf = conf
        self._log = conf.directory / LOG_NAME
        path = conf.directory / CONF_NAME
        _write_private(path, conf.text())
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the program of binary.py
                    # By file, not by arguments: the password must not stand in the process list.
                    [binary, path],
                    cwd=conf.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C in a terminal must not reach it: workers drain first.
                    start_new_session=True,
                    pass_fds=(lock.fd, leash.fd),
                )
            except OSError as error:
                raise BrokerFailedError(f"{binary}: cannot be started: {error}") from error
        leash.tie(self._process.pid)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def wait_ready(self, stopping: threading.Event) -> None:
        """Return when it serves, or when ``stopping`` is set.

        Raises:
            BrokerFailedError: it ended, or it said nothing for 15 seconds.
        """
        deadline = self._clock.monotonic_s() + _ANSWER_S
        while True:
            if self._process.poll() is not None:
                raise BrokerFailedError(self.last_words())
            answer = ask(port=self._conf.port, password=self._conf.password)
            if answer is Readiness.READY:
                return
            if answer is Readiness.LOADING:
                deadline = self._clock.monotonic_s() + _ANSWER_S
            elif self._clock.monotonic_s() >= deadline:
                raise BrokerFailedError(
                    f"the broker does not answer on port {self._conf.port}; see {self._log}"
                )
            if self._clock.wait(stopping, _ASK_EVERY_S):
                return

    def wait_end(self) -> None:
        """Return when it has ended."""
        self._process.wait()

    def end(self, *, timeout_s: float) -> None:
        """End it: politely, and when that takes too long, at once."""
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """Return why it ended, in words for the person who must act."""
        with self._log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, log.tell() - _TAIL_BYTES))
            words = log.read().decode("utf-8", "replace").strip()
        status = self._process.returncode
        text = f"the broker ended with status {status}; the end of {self._log}:\n{words}"
        if "Bad file format reading the append only file" in words:
            text = f"{_damaged(self._conf.directory, self._binary)}\n{text}"
        return text


def _damaged(directory: Path, binary: Path) -> str:
    return (
        f"{directory}/appendonlydir is damaged, not only at its end, and the broker refuses to"
        " start on it. Copy that directory away, then let the server's own checker cut it at the"
        f' damage: ln -s "{binary}" /tmp/valkey-check-aof &&'
        f' /tmp/valkey-check-aof --fix "{directory}/appendonlydir/appendonly.aof.manifest"'
    )


def _write_private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
