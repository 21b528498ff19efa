"""Serving the gateway: one process, or several at one port, until told to stop."""

import gc
import os
import signal
import socket
from dataclasses import dataclass
from types import FrameType

import uvicorn

from onport_producers.gateway.app import Gateway
from onport_producers.gateway.protocol import PatientProtocol
from onport_queue.log import Log
from onport_queue.settings import Settings

_log = Log(__name__)

# Longer than common clients and proxies keep one, so that it is they who close.
_KEEP_ALIVE_S = 75
_STOPS_WITHIN_S = 10
_BACKLOG = 2048
_INTERRUPTED = 130
# Objects made and kept since the last look: requests under way are that many, and no garbage.
_COLLECTED_AFTER = 50_000
# Whoever owes the rest of a request at two looks in a row is cut.
_TICKS_BETWEEN_LOOKS = 200  # of a tenth of a second


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def bind(self) -> socket.socket:
        """Return a socket that has the address, and does not listen yet.

        Raises:
            OSError: somebody else has it, or it is none of this host.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # Alone, first: another server that shares its port would give us half of its requests.
        with _bound(family, (self.host, self.port), shares=False) as alone:
            address = alone.getsockname()
        return _bound(family, address, shares=True)


def serve(settings: Settings, place: socket.socket, *, parent: int) -> bool:
    """Serve at a bound socket's address until TERM or Ctrl-C; what was accepted is answered first.

    So it does when `parent`, which started this process, is no more. QUIT ends it at once.

    Each process has a socket of its own there, among which the system shares out connections;
    at one socket the quickest process would take nearly all of them.

    Returns:
        Whether it could be started.
    """
    gateway = Gateway(settings)
    config = uvicorn.Config(
        gateway,
        http=PatientProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # Behind a proxy too nobody asks for the client's address.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOPS_WITHIN_S,
        backlog=_BACKLOG,
    )
    # Its default would leave a core file, with payloads in it.
    signal.signal(signal.SIGQUIT, lambda _number, _frame: os._exit(_INTERRUPTED))
    # What is there now stays, and requests leave hardly any cycles: looking for these after every
    # 700 objects, as Python does, costs a sixth of a sale.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER, 20, 20)
    server = _Server(config, gateway, parent)
    with _bound(place.family, place.getsockname(), shares=True) as listener:
        server.run(sockets=[listener])
    _log.info("stopped")
    return server.started


def _bound(
    family: socket.AddressFamily, address: tuple[str, int], *, shares: bool
) -> socket.socket:
    found = socket.socket(family)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind(address)
    except BaseException:
        found.close()
        raise
    return found


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, gateway: Gateway, parent: int) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _log.info("ready")

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_BETWEEN_LOOKS == 0:
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, PatientProtocol) and connection.is_overdue():
                    connection.transport.abort()
        return await super().on_tick(counter) or os.getppid() != self._parent

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # It waits for what is being answered, and a stream would be for ever.
        self._gateway.end_streams()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (the seam's)
        # uvicorn would raise the signal again after its shutdown and turn a clean stop into a kill.
        # Nor does a second one hurry it: Ctrl-C reaches a child twice, by its parent too.
        self.should_exit = True
