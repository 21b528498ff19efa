"""A checkout behind a real web server: POST /KEY puts a new sale and answers what it was told.

Its settings are in the environment. `app` is for WSGI servers, `asgi` for asyncio ones.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from onport_producers import AsyncProducer, Producer, Receipt
from onport_queue.clock import SystemClock

_TICK_S = 0.005
_CLOCK = SystemClock()

relay = Producer.from_config()
# With --preload this is before the fork: connections, threads and files are there to be inherited.
relay.create_sale({"externalId": f"loaded-{os.getpid()}", "lineItems": []})


class Ticker:
    """Notes the longest that nothing else of a green process got its turn."""

    def __init__(self) -> None:
        self._pid = 0
        self._longest_s = 0.0

    def longest_s(self) -> float:
        """Return it, and begin anew."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            threading.Thread(target=self._tick, daemon=True).start()
        longest_s, self._longest_s = self._longest_s, 0.0
        return longest_s

    def _tick(self) -> None:
        never = threading.Event()
        while True:
            began = _CLOCK.monotonic_s()
            _CLOCK.wait(never, _TICK_S)
            passed = _CLOCK.monotonic_s() - began - _TICK_S
            self._longest_s = max(self._longest_s, passed)


ticker = Ticker()


def app(environ: Mapping[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Put one sale."""
    began = _CLOCK.monotonic_s()
    receipt = relay.create_sale(_sale(environ["PATH_INFO"]))
    seconds = _CLOCK.monotonic_s() - began
    start_response("200 OK", [("Content-Type", "application/json")])
    return [_told(receipt, seconds, ticker.longest_s() if _is_green() else 0.0)]


async def asgi(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Mapping[str, Any]]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """Put one sale, and keep the loop free."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    began = _CLOCK.monotonic_s()
    putting = asyncio.create_task(_awaited().create_sale(_sale(scope["path"])))
    blocked_s = 0.0
    while not putting.done():
        before = _CLOCK.monotonic_s()
        await asyncio.wait({putting}, timeout=_TICK_S)
        blocked_s = max(blocked_s, _CLOCK.monotonic_s() - before - _TICK_S)
    told = _told(await putting, _CLOCK.monotonic_s() - began, blocked_s)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": told})


async def _live(
    receive: Callable[[], Awaitable[Mapping[str, Any]]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})


_async_relays: list[AsyncProducer] = []


def _awaited() -> AsyncProducer:
    if not _async_relays:
        _async_relays.append(AsyncProducer(relay))
    return _async_relays[0]


def _sale(path: str) -> dict[str, object]:
    return {"externalId": path.strip("/"), "lineItems": [], "note": "x" * 500}


def _told(receipt: Receipt, seconds: float, blocked_s: float) -> bytes:
    told = {"state": receipt.state, "seconds": seconds, "blocked_s": blocked_s, "pid": os.getpid()}
    return json.dumps(told).encode()


def _is_green() -> bool:
    return "gevent" in sys.modules
