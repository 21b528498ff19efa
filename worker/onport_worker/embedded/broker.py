"""The embedded broker: a server that is started, watched, started again and stopped."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from onport_queue.clock import Clock, SystemClock
from onport_worker.embedded.address import choose_port, is_free, url
from onport_worker.embedded.binary import find_binary
from onport_worker.embedded.conf import AppendFsync, ServerConf
from onport_worker.embedded.errors import BrokerFailedError, EmbeddedBrokerError
from onport_worker.embedded.leash import Leash
from onport_worker.embedded.lock import DirectoryLock, Holder
from onport_worker.embedded.password import keep_password
from onport_worker.embedded.restarts import RestartPolicy
from onport_worker.embedded.server import Server
from onport_worker.embedded.supervisor import Supervisor


class EmbeddedBroker:
    """A Valkey server on loopback that serves from ``start`` to ``stop``; also a context manager.

    It keeps its data, its password and (with ``port=0``) its port in the directory. When the server
    dies it is started again on the same port with the same data, so clients merely reconnect. When
    this process dies, by whatever signal, the server leaves too and the directory is free again.

    Worker processes must be started by exec: a child that is merely forked inherits the directory's
    lock, and would hold it for as long as it lives.

    Args:
        directory: made if it is missing, for its owner only.
        appendfsync: when a write reaches the disk; anything but ``always`` is for tests and for
            those who would rather lose a second's writes at a power cut.
        persist: False keeps nothing on disk, whatever ``appendfsync`` says.
        port: 0 takes the one used last in this directory, else any free one.
        binary: a server program instead of the wheel's.
        restarts: how often a server that dies is started again.
        on_give_up: told once, from the watching thread, when it is not started again any more.
            Without it the log tells, and ``failed``.
        clock: where time comes from.
    """

    def __init__(
        self,
        directory: Path,
        *,
        appendfsync: AppendFsync = "always",
        persist: bool = True,
        port: int = 0,
        binary: Path | None = None,
        restarts: RestartPolicy | None = None,
        on_give_up: Callable[[EmbeddedBrokerError], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self._appendfsync = appendfsync
        self._persist = persist
        self._wanted_port = port
        self._wanted_binary = binary
        self._restarts = restarts or RestartPolicy()
        self._on_give_up = on_give_up or _leave_it_to_the_log
        self._clock = clock or SystemClock()
        self._run: _Run | None = None

    @property
    def url(self) -> str:
        """The Redis URL of the started broker, password included."""
        conf = self._started().conf
        return url(port=conf.port, password=conf.password)

    @property
    def port(self) -> int:
        """Where the started broker listens."""
        return self._started().conf.port

    @property
    def failed(self) -> bool:
        """Whether the server died too often and is not started again."""
        return self._run is not None and self._run.supervisor.failed

    def start(self) -> Self:
        """Return when the broker serves.

        Raises:
            BinaryNotFoundError: there is no server program.
            DirectoryInUseError: another broker works in the directory.
            BrokerFailedError: the server does not start; the text says why and what to do.
        """
        if self._run is not None:
            raise BrokerFailedError(f"{self.directory}: this broker is started already")
        binary = find_binary(self._wanted_binary)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = DirectoryLock.acquire(self.directory, clock=self._clock)
        leash = Leash()
        try:
            self._run = self._start_with(binary, lock, leash)
        except BaseException:
            leash.drop()
            lock.release()
            raise
        return self

    def stop(self) -> None:
        """End the server, with all it was told on disk, and give the directory back."""
        run, self._run = self._run, None
        if run is not None:
            run.supervisor.stop()
            run.leash.drop()
            run.lock.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_with(self, binary: Path, lock: DirectoryLock, leash: Leash) -> "_Run":
        password = keep_password(self.directory)
        while True:
            last = lock.last()
            conf = ServerConf(
                directory=self.directory,
                port=choose_port(self._wanted_port, last=last.port if last else None),
                password=password,
                appendfsync=self._appendfsync,
                persist=self._persist,
            )
            run = _Run(conf, lock, leash, self._supervisor(binary, conf, lock, leash))
            try:
                run.supervisor.start()
            except BrokerFailedError:
                if self._wanted_port or is_free(conf.port):
                    raise
                # Somebody took the port between our choice and the server's start: choose again.
            else:
                return run

    def _supervisor(
        self, binary: Path, conf: ServerConf, lock: DirectoryLock, leash: Leash
    ) -> Supervisor:
        def spawn() -> Server:
            lock.record(Holder(pid=os.getpid(), server_pid=None, port=conf.port))
            server = Server(binary, conf, lock=lock, leash=leash, clock=self._clock)
            lock.record(Holder(pid=os.getpid(), server_pid=server.pid, port=conf.port))
            return server

        return Supervisor(
            spawn, policy=self._restarts, on_give_up=self._on_give_up, clock=self._clock
        )

    def _started(self) -> "_Run":
        if self._run is None:
            raise BrokerFailedError(f"{self.directory}: this broker is not started")
        return self._run


@dataclass(frozen=True, slots=True)
class _Run:
    """What a started broker holds."""

    conf: ServerConf
    lock: DirectoryLock
    leash: Leash
    supervisor: Supervisor


def _leave_it_to_the_log(error: EmbeddedBrokerError) -> None:
    del error
