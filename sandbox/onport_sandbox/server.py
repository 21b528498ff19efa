"""The foreground server: one process, one port, stopped by a signal or by its parent's end."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from onport_sandbox.app import create_app
from onport_sandbox.clock import Clock
from onport_sandbox.connection import ResettableProtocol
from onport_sandbox.endpoints import PREFIX
from onport_sandbox.receipts import FileReceipts
from onport_sandbox.settings import SandboxSettings

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8085

# Longer than the pools of common clients keep a connection: else a client's next request would
# now and then meet a connection just closed, and look like a fault that nobody asked for.
_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 0.5
_LAST_RESORT_SECONDS = 1


class Stop:
    """Lets another thread stop the server that it was given to."""

    def __init__(self) -> None:
        self._requested = False

    def request(self) -> None:
        """Ask the server to stop."""
        self._requested = True

    @property
    def requested(self) -> bool:
        """Whether the server was asked to stop."""
        return self._requested


def serve(
    settings: SandboxSettings | None = None,
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    receipts: Path | None = None,
    control_anywhere: bool = False,
    clock: Clock | None = None,
    ready: Callable[[int], None] | None = None,
    stop: Stop | None = None,
) -> None:
    """Serve a sandbox until SIGINT or SIGTERM comes or `stop` is requested.

    Requests still waiting for an answer then have half a second before their connection is reset.

    Args:
        settings: How it answers at first; the defaults if None.
        host: The address to listen at.
        port: The port to listen at; 0 takes a free one.
        receipts: The file that receipts are appended to; None writes none.
        control_anywhere: Whether the control addresses answer clients of other hosts.
        clock: The times of limits and receipts; the host's if None.
        ready: Called with the port as soon as requests are taken.
        stop: Stops the server from another thread.

    Raises:
        OSError: The address cannot be listened at, or the receipts not be written.
    """
    with ExitStack() as stack:
        kept = None if receipts is None else stack.enter_context(FileReceipts(receipts))
        listener = stack.enter_context(_listener(host, port))
        app = create_app(settings, clock=clock, receipts=kept, control_anywhere=control_anywhere)
        bound_port: int = listener.getsockname()[1]

        def report() -> None:
            if ready is not None:
                ready(bound_port)

        _Server(_config(app), stop or Stop(), report).run(sockets=[listener])


def base_url(host: str, port: int) -> str:
    """Return the address that a client appends the endpoint's name to."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PREFIX}"


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=ResettableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        # The control addresses trust the client's address: a header must not be able to set it.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_LAST_RESORT_SECONDS,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stop: Stop, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.requested

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (the seam's)
        # uvicorn would raise the signal again after its shutdown and turn a clean stop into a kill.
        self._stop.request()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(_GRACE_SECONDS, self._reset_all)
        await super().shutdown(sockets)

    def _reset_all(self) -> None:
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, ResettableProtocol):
                connection.reset()
