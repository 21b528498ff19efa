"""A TCP proxy on loopback that refuses, cuts, delays, or swallows what passes it."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, cast

_HOST = "127.0.0.1"
_BOUND_S = 10


class Proxy:
    """Stands between a client and a port of this machine, in a thread of its own."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.loop = asyncio.new_event_loop()
        self.ends: set[_End] = set()
        self.delay_s = 0.0
        self.swallows = False
        self.port = 0
        self._thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)
        self._listener: socket.socket | None = None
        self._welcomes: set[asyncio.Task[object]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.refuse()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_BOUND_S)
        self.loop.close()

    @property
    def is_listening(self) -> bool:
        """Whether it takes connections."""
        return self._listener is not None

    def listen(self) -> None:
        """Take connections, at the same port as before."""
        self._run(self._listen())

    def refuse(self) -> None:
        """Refuse connections, and cut those that are open."""
        self._run(self._refuse())

    def cut(self) -> None:
        """Cut the connections that are open; new ones are taken."""
        self._run(self._cut())

    def delay(self, seconds: float) -> None:
        """Hold back whatever passes, each way."""
        self.delay_s = seconds

    def swallow(self) -> None:
        """Take whatever comes and pass nothing on, as a half-open connection does."""
        self.swallows = True

    def unblock(self) -> None:
        """Pass on again what comes; what was swallowed is gone, and nobody is told."""
        self.swallows = False

    def heal(self) -> None:
        """Be a mere wire again. What was swallowed is gone, so those connections are cut."""
        self.delay_s = 0.0
        if self.swallows:
            self.swallows = False
            self.cut()
        if not self.is_listening:
            self.listen()

    async def _listen(self) -> None:
        # asyncio's own server, and its sock_accept, lose a connection that comes while they close.
        self._listener = socket.create_server((_HOST, self.port))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self.loop.add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        made = self.loop.connect_accepted_socket(lambda: _Near(self), connection)
        welcome: asyncio.Task[object] = self.loop.create_task(made)
        self._welcomes.add(welcome)
        welcome.add_done_callback(self._welcomes.discard)

    async def _refuse(self) -> None:
        if self._listener is not None:
            self.loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        # What was accepted, or is being connected, has told us after this.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=_BOUND_S)
        await self._cut()

    async def _cut(self) -> None:
        for end in list(self.ends):
            end.reset()
        await asyncio.sleep(0)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(_BOUND_S)


class _End(asyncio.Protocol):
    """One end of what passes; what it hears goes to the other."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take part."""
        self.transport = cast("asyncio.Transport", transport)
        self.proxy.ends.add(self)

    def data_received(self, data: bytes) -> None:
        """Pass it on, or not."""
        if self.proxy.swallows or self.other is None:
            return
        if self.proxy.delay_s:
            self.proxy.loop.call_later(self.proxy.delay_s, self.other.write, data)
        else:
            self.other.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the other end along."""
        del exc
        self.proxy.ends.discard(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def write(self, data: bytes) -> None:
        """Say something."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def reset(self) -> None:
        """End it as a broken network does."""
        if self.transport is not None and not self.transport.is_closing():
            # Without lingering, closing resets the connection instead of ending it in good order.
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()


class _Near(_End):
    """The client's end, which calls the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the other end; nothing is read before."""
        super().connection_made(transport)
        if not self.proxy.is_listening:
            self.reset()
            return
        cast("asyncio.Transport", transport).pause_reading()
        self._opening = self.proxy.loop.create_task(self._open())

    async def _open(self) -> None:
        try:
            _, far = await self.proxy.loop.create_connection(
                lambda: _End(self.proxy), _HOST, self.proxy.target_port
            )
        except OSError:
            self.reset()
            return
        self.other, far.other = far, self
        if self.transport is None or self.transport.is_closing():
            far.reset()
        else:
            self.transport.resume_reading()
