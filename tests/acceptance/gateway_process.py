"""A gateway in processes of its own, on a free port."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from onport_queue.clock import SystemClock
from onport_queue.settings import Settings
from onport_worker.fleet import worker_environment

_STARTS_WITHIN_S = 30.0
_ENDS_WITHIN_S = 20.0
_CLOCK = SystemClock()


class GatewayProcess:
    """Runs `onport-relay gateway` for as long as the context lasts."""

    def __init__(self, settings: Settings, *, workers: int = 1, port: int = 0, log: Path) -> None:
        self._settings = settings
        self._workers = workers
        self.log = log
        self.port = port
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", "-m", "onport_worker.cli", "gateway"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port), "--workers", str(self._workers)],
                env=worker_environment(self._settings) | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said.startswith("Gateway"), self.log.read_text()
        self.port = int(said.split(",")[0].rpartition(":")[2])
        try:
            self._await_health()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self.stop()
        else:
            self.kill()

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self._process is not None
        return self._process.pid

    @property
    def pids(self) -> list[int]:
        """It and its children."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, and return its status."""
        assert self._process is not None
        self._process.send_signal(number)
        try:
            return self._process.wait(_ENDS_WITHIN_S)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it and its children as a crash does."""
        assert self._process is not None
        if self._process.poll() is None:
            for pid in reversed(self.pids):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _await_health(self) -> None:
        patient_until, never = _CLOCK.monotonic_s() + _STARTS_WITHIN_S, threading.Event()
        while _CLOCK.monotonic_s() < patient_until:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                _CLOCK.wait(never, 0.05)
            finally:
                connection.close()
        raise AssertionError(f"no gateway after {_STARTS_WITHIN_S:.0f} s: {self.log.read_text()}")
