"""A server with the shipped redis.conf, killed and started again by the test."""

import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.exceptions import RedisError

from onport_queue.clock import SystemClock
from onport_worker.embedded.address import choose_port, url
from onport_worker.embedded.binary import find_binary

_SHIPPED = Path(__file__).parents[2] / "config" / "redis.conf"
_PASSWORD = "of-the-test"
_READY_WITHIN_S = 10.0
_CLOCK = SystemClock()


class ShippedServer:
    """Runs from `start` to `kill`, on one port and one folder; a context manager too."""

    def __init__(self, data: Path, **options: str) -> None:
        self.data = data
        self._options = options
        self._port = choose_port(0, last=None)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return url(port=self._port, password=_PASSWORD)

    def __enter__(self) -> Self:
        self.data.mkdir(exist_ok=True)
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and return when it serves."""
        command = [str(find_binary()), str(_SHIPPED), "--port", str(self._port)]
        command += ["--dir", str(self.data), "--requirepass", _PASSWORD, "--bind", "127.0.0.1"]
        for name, value in self._options.items():
            command += [f"--{name}", value]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.await_ready()

    def await_ready(self) -> None:
        """Return when it serves; fail if it does not in time."""
        patient_until = _CLOCK.monotonic_s() + _READY_WITHIN_S
        with redis.Redis.from_url(self.url) as client:
            while _CLOCK.monotonic_s() < patient_until:
                with suppress(RedisError):
                    if client.ping():
                        return
        raise AssertionError(f"no server at port {self._port} after {_READY_WITHIN_S:.0f} s")

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def forget(self) -> None:
        """Take its data away; call it when it does not run."""
        for file in sorted(self.data.rglob("*"), reverse=True):
            if file.is_file():
                file.unlink()
