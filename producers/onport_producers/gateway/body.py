"""Reading a request's body, bounded."""

import asyncio
from collections.abc import Mapping

from starlette.types import Receive

MAX_BODY_BYTES = 10_000_000
# Whoever is answered before its body has come is given so long to hear that.
_LINGER_S = 2.0


class TooLargeError(Exception):
    """A body of more bytes than may be; what is left of it was not read."""


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


def announced_bytes(headers: Mapping[bytes, bytes]) -> int | None:
    """Return how long a body is said to be; None if that is not said. Raises TooLargeError."""
    length = headers.get(b"content-length")
    if length is None:
        return None
    # int() of endless digits is slow; a length of twenty digits is too large without it.
    if len(length) > 19 or int(length) > MAX_BODY_BYTES:
        raise TooLargeError
    return int(length)


async def read_body(receive: Receive, *, most_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Return a body. Raises TooLargeError, ClientGoneError."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most_bytes:
            raise TooLargeError
        if not message.get("more_body", False):
            # Nearly every body comes in one part, which needs no joining.
            return b"".join((*parts, part)) if parts else part
        parts.append(part)


async def linger(receive: Receive) -> None:
    """Take what still comes, for a moment: closing over unread data would take the answer back."""
    try:
        async with asyncio.timeout(_LINGER_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
