"""The HTTP client of every peer: httpx, set up alike.

One client for each request in flight: one that all threads or tasks of a process share, as httpx's
documentation has it, looks through all its connections twice a request, under a lock.
"""

from collections import deque
from typing import Any

import httpx
from tests.benchmarks.peers.setup import HASH, Setup

_HEADERS = {"jetti-webhook-hash": HASH}
_TIMEOUT_S = 30.0
_THROTTLED = 429
# To read the certificates takes as long as some ten requests: once, though there is no TLS here.
_TRUST = httpx.create_ssl_context()


class Clients:
    """For threads and greenlets."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._idle: deque[httpx.Client] = deque()

    def post(self, path: str, body: Any) -> httpx.Response:
        """Send JSON by the client that was given back last; make one if there is none."""
        client = self._idle.pop() if self._idle else shared_client(self._setup)
        try:
            return client.post(path, json=body)
        finally:
            self._idle.append(client)


class AsyncClients:
    """For the tasks of one event loop."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._idle: deque[httpx.AsyncClient] = deque()

    async def post(self, path: str, body: Any) -> httpx.Response:
        """Send JSON by the client that was given back last; make one if there is none."""
        client = self._idle.pop() if self._idle else httpx.AsyncClient(**_options(self._setup))
        try:
            return await client.post(path, json=body)
        finally:
            self._idle.append(client)


def shared_client(setup: Setup) -> httpx.Client:
    """Return a client that any number of threads may share."""
    return httpx.Client(**_options(setup))


def pause_s(response: httpx.Response) -> float | None:
    """Return how long a throttled request is to wait; None if it was accepted.

    Raises:
        httpx.HTTPStatusError: neither.
    """
    if response.status_code == _THROTTLED:
        return float(response.headers.get("retry-after", "1"))
    response.raise_for_status()
    return None


def _options(setup: Setup) -> dict[str, Any]:
    # By default 20 connections are kept, and whoever sends more at a time opens one for each.
    most = setup.concurrency + 4
    return {
        "base_url": setup.endpoint,
        "headers": _HEADERS,
        "timeout": _TIMEOUT_S,
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=most),
        "verify": _TRUST,
    }
