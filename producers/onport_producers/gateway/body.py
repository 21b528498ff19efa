"""Reading a request's body: bounded, and few large ones at a time."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

from starlette.types import Receive

MAX_BODY_BYTES = 10_000_000
_LARGE_BYTES = 262_144
_LARGE_AT_A_TIME = 4
# Whoever is answered before its body has come is given so long to hear that.
LINGER_S = 2.0


class TooLargeError(Exception):
    """A body of more than MAX_BODY_BYTES; what is left of it was not read."""


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class Bodies:
    """Reads bodies; a large one waits, unread, while others of its size are worked on."""

    def __init__(self) -> None:
        self._large = asyncio.Semaphore(_LARGE_AT_A_TIME)

    async def read(
        self, headers: Mapping[bytes, bytes], receive: Receive, held: AsyncExitStack
    ) -> bytes:
        """Return a body.

        Args:
            headers: the request's.
            receive: where it comes from.
            held: open for as long as the body is needed.

        Raises:
            TooLargeError, ClientGoneError
        """
        announced = _announced(headers)
        if announced > MAX_BODY_BYTES:
            raise TooLargeError
        is_large = announced > _LARGE_BYTES
        if is_large:
            await held.enter_async_context(self._large)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise TooLargeError
            if not message.get("more_body", False):
                # Nearly every body comes in one part, which needs no joining.
                return b"".join((*parts, part)) if parts else part
            parts.append(part)
            if size > _LARGE_BYTES and not is_large:
                is_large = True
                await held.enter_async_context(self._large)


async def linger(receive: Receive) -> None:
    """Take what still comes, for a moment: closing over unread data would take the answer back."""
    try:
        async with asyncio.timeout(LINGER_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _announced(headers: Mapping[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"")
    # int() of endless digits is slow; a length of twenty digits is too large without it.
    if len(length) > 19:
        return MAX_BODY_BYTES + 1
    return int(length) if length.isdigit() else 0
