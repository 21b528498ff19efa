"""Keeps one server alive, within a budget."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from onport_queue.clock import Clock
from onport_queue.log import Log
from onport_worker.embedded.errors import BrokerFailedError, EmbeddedBrokerError
from onport_worker.embedded.restarts import RestartPolicy

_log = Log(__name__)

_END_S = 10.0


class Supervised(Protocol):
    """A started server, as its supervisor sees it."""

    def wait_ready(self, stopping: threading.Event) -> None:
        """Return when it serves or ``stopping`` is set; raise BrokerFailedError if it won't."""

    def wait_end(self) -> None:
        """Return when it has ended."""

    def end(self, *, timeout_s: float) -> None:
        """End it, whether it lives or not."""

    def last_words(self) -> str:
        """Return why it ended."""


class Supervisor:
    """Starts a server, starts it again when it dies, gives up when that does not help.

    Args:
        spawn: starts a server; raises BrokerFailedError when that is impossible.
        policy: how often, and how soon.
        on_give_up: told once, from the watching thread.
        clock: where time comes from.
    """

    def __init__(
        self,
        spawn: Callable[[], Supervised],
        *,
        policy: RestartPolicy,
        on_give_up: Callable[[EmbeddedBrokerError], None],
        clock: Clock,
    ) -> None:
        self._spawn = spawn
        self._policy = policy
        self._on_give_up = on_give_up
        self._clock = clock
        self._stopping = threading.Event()
        self._failed = threading.Event()
        # Between "not stopping" and the new server's start nobody may stop, or it is left behind.
        self._turn = threading.Lock()
        self._server: Supervised | None = None
        self._watcher: threading.Thread | None = None

    @property
    def failed(self) -> bool:
        """Whether it has given up."""
        return self._failed.is_set()

    def start(self) -> None:
        """Return when the server serves.

        Raises:
            BrokerFailedError: it does not; a first start that fails is not tried again.
        """
        server = self._server = self._spawn()
        try:
            server.wait_ready(self._stopping)
        except BaseException:
            server.end(timeout_s=_END_S)
            raise
        self._watcher = threading.Thread(
            target=self._watch, args=(server,), name="embedded-broker", daemon=True
        )
        self._watcher.start()

    def stop(self) -> None:
        """Return when the server has ended, with all it was told on disk."""
        with self._turn:
            self._stopping.set()
            server = self._server
        if server is not None:
            server.end(timeout_s=_END_S)
        if self._watcher is not None:
            self._watcher.join()

    def _watch(self, server: Supervised) -> None:
        deaths = 0
        while True:
            up_since_s = self._clock.monotonic_s()
            server.wait_end()
            if self._stopping.is_set():
                return
            uptime = timedelta(seconds=self._clock.monotonic_s() - up_since_s)
            deaths = self._policy.deaths_in_row(deaths, uptime=uptime)
            pause = self._policy.pause(deaths)
            if pause is None:
                self._give_up(deaths, server.last_words())
                return
            _log.warning("broker_died", deaths=deaths, restart_in_s=pause.total_seconds())
            if self._clock.wait(self._stopping, pause.total_seconds()):
                return
            server = self._revive(server)

    def _revive(self, dead: Supervised) -> Supervised:
        """Return a new server, serving or already ended; the dead one if none can be started."""
        server = dead
        try:
            with self._turn:
                if self._stopping.is_set():
                    return dead
                server = self._server = self._spawn()
            server.wait_ready(self._stopping)
        except BrokerFailedError as error:
            server.end(timeout_s=_END_S)
            _log.warning("broker_restart_failed", error=str(error))
        else:
            _log.warning("broker_restarted")
        return server

    def _give_up(self, deaths: int, last_words: str) -> None:
        error = BrokerFailedError(
            f"the broker died {deaths} times in a row and is not started again; {last_words}"
        )
        self._failed.set()
        _log.error("broker_given_up", deaths=deaths, error=str(error))
        self._on_give_up(error)
