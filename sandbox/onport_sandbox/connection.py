"""Connections that can be reset: the one thing that ASGI has no word for."""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "onport_sandbox.reset"

# struct linger is two ints, except on Windows, where it is two shorts.
_LINGER_FORMAT = "hh" if sys.platform == "win32" else "ii"
_CLOSE_WITH_RESET = struct.pack(_LINGER_FORMAT, 1, 0)


class ResettableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, handing each request the way to reset its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        """Take a connection, its answers sent at once."""
        super().connection_made(transport)
        # asyncio does this only for sockets that know their protocol number, which those of
        # socket.create_server do not; without it every answer waits 40 ms for an acknowledgement.
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def on_message_begin(self) -> None:
        """Begin a request, its scope carrying the extension."""
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"reset": self.reset}}

    def reset(self) -> None:
        """Abort the connection so that the client sees a reset, not an end."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None and not self.transport.is_closing():
            # A closed socket with nothing unread sends FIN; lingering for no time makes it RST.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_WITH_RESET)
        self.transport.abort()


async def reset_connection(scope: Scope, receive: Receive) -> None:
    """Reset the connection of the request and return when it is gone.

    Raises:
        ConnectionResetError: The server is not this package's and cannot reset a connection; an
            in-process transport shows this error to its client.
    """
    reset: Callable[[], None] | None = scope.get("extensions", {}).get(EXTENSION, {}).get("reset")
    if reset is None:
        raise ConnectionResetError("the sandbox reset the connection")
    reset()
    # Returning earlier would look to uvicorn like an application that forgot to answer.
    while (await receive())["type"] != "http.disconnect":
        pass
