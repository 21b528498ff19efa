"""The HTTP client of every peer: httpx, set up alike; one for each process."""

import httpx
from tests.benchmarks.peers.setup import HASH, Setup

_HEADERS = {"jetti-webhook-hash": HASH}
_TIMEOUT_S = 30.0
_THROTTLED = 429


def client(setup: Setup) -> httpx.Client:
    """Return a client of threads."""
    return httpx.Client(
        base_url=setup.endpoint, headers=_HEADERS, timeout=_TIMEOUT_S, limits=_limits(setup)
    )


def async_client(setup: Setup) -> httpx.AsyncClient:
    """Return a client of one event loop."""
    return httpx.AsyncClient(
        base_url=setup.endpoint, headers=_HEADERS, timeout=_TIMEOUT_S, limits=_limits(setup)
    )


def pause_s(response: httpx.Response) -> float | None:
    """Return how long a throttled request is to wait; None if it was accepted.

    Raises:
        httpx.HTTPStatusError: neither.
    """
    if response.status_code == _THROTTLED:
        return float(response.headers.get("retry-after", "1"))
    response.raise_for_status()
    return None


def _limits(setup: Setup) -> httpx.Limits:
    # By default 20 connections are kept, and whoever sends more at a time opens one for each.
    most = setup.concurrency + 4
    return httpx.Limits(max_connections=None, max_keepalive_connections=most)
