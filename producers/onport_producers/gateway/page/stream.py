"""Looks as server-sent events."""

from collections.abc import AsyncIterator, Callable

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from onport_producers.gateway.page.feed import Feed, FullError
from onport_producers.gateway.page.replies import refusal

_RECONNECT_MS = 2_000


class EventStream(StreamingResponse):
    """An answer that goes on for as long as the session is open, or somebody reads it."""

    def __init__(self, feed: Feed, is_open: Callable[[], bool]) -> None:
        self._feed = feed
        # The second is nginx's: it would keep events back until they fill a buffer.
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        events = _events(feed, is_open)
        super().__init__(events, headers=headers, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            with self._feed.seat():
                await super().__call__(scope, receive, send)
        except FullError:
            await refusal(503, "too many watch already")(scope, receive, send)


async def _events(feed: Feed, is_open: Callable[[], bool]) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % _RECONNECT_MS
    async for look in feed.looks():
        if not is_open():
            return
        yield b"event: picture\ndata: %b\n\n" % look
