"""Sending: the only module that speaks to Onport."""

import ssl
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from onport_queue.clock import Clock, SystemClock
from onport_queue.settings import Settings
from onport_worker import __version__
from onport_worker.delivery.credentials import Credentials
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome, Withheld
from onport_worker.delivery.request import Request
from onport_worker.delivery.wire import Wire

HASH_HEADER = "jetti-webhook-hash"
_ANSWER_KEPT = 2_048
_ANSWER_READ = 65_536
# Shorter than the keep-alive of common servers (5 s): a connection that the other side is about to
# close must not be the one we send on, since such a request ends ambiguous.
_KEEPALIVE_S = 3.0
_BEFORE_WRITING = ("send_request_headers.started", "send_request_body.started")
# A connection that never opened is tried once more.
_OPENING = Retrying(
    retry=retry_if_exception_type(httpx.ConnectError),
    stop=stop_after_attempt(2),
    wait=wait_random(0, 0.1),
    reraise=True,
)


class Endpoint(Protocol):
    """Where requests go."""

    def send(self, request: Request, wire: Wire) -> Outcome | Withheld:
        """Send once, if the wire says so; every failure is an outcome."""


class HttpEndpoint:
    """Onport's inbound webhooks; thread-safe."""

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._credentials = credentials
        self._clock = clock or SystemClock()
        self._base_url = settings.base_url.rstrip("/")
        self._read_timeout_s = settings.read_timeout_s
        self._timeout = httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s)
        self._transports = _Transports(settings.base_url, transport)
        self._blank = cache(self._blank_of)

    def send(self, request: Request, wire: Wire) -> Outcome | Withheld:
        """Send once; a connection that never opened is tried once more, since nothing was sent."""
        try:
            return _OPENING(self._exchange, request, wire)
        except _WithheldError:
            return Withheld()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            return NotSent(self._printable(f"{type(error).__name__}: {error}"))
        except httpx.TransportError as error:
            return Ambiguous(self._printable(f"{type(error).__name__}: {error}"))

    def close(self) -> None:
        """Close all connections."""
        self._transports.close()

    def _blank_of(self, method: str, path: str, fingerprint: str) -> httpx.Request:
        # What all requests of a kind have in common; parsed once, not for each.
        return httpx.Request(
            method,
            f"{self._base_url}/{path}",
            headers={
                "user-agent": f"onport-relay/{__version__}",
                "content-type": "application/json",
                HASH_HEADER: self._credentials.hash_of(fingerprint),
            },
            extensions={"timeout": self._timeout.as_dict()},
        )

    def _exchange(self, request: Request, wire: Wire) -> Answered:
        blank = self._blank(request.method, request.path, request.print)
        headers = blank.headers.copy()
        headers["content-length"] = str(len(request.body))
        filled = httpx.Request(
            blank.method,
            blank.url,
            headers=headers,
            stream=httpx.ByteStream(request.body),
            extensions=blank.extensions | {"trace": _traced(wire)},
        )
        with (
            self._transports.borrowed() as transport,
            closing(transport.handle_request(filled)) as response,
        ):
            return Answered(
                response.status_code,
                self._printable(self._beginning_of(response).decode(errors="replace")),
                response.headers.get("retry-after"),
                response.headers.get("date"),
            )

    def _beginning_of(self, response: httpx.Response) -> bytes:
        # The status is known: what can't be read behind it changes no outcome, nor does it hold the
        # thread and the lease for as long as something trickles in.
        answer, until_s = b"", self._clock.monotonic_s() + self._read_timeout_s
        try:
            for chunk in response.iter_bytes():
                answer += chunk
                if len(answer) > _ANSWER_READ or self._clock.monotonic_s() > until_s:
                    break
        except (httpx.TransportError, httpx.DecodingError) as error:
            answer += f" (the rest could not be read: {type(error).__name__})".encode()
        return answer

    def _printable(self, text: str) -> str:
        # Before it is cut: half a hash would not be found.
        for disguise in self._credentials.disguises:
            text = text.replace(disguise, "***")
        return "".join(char if char.isprintable() else " " for char in text)[:_ANSWER_KEPT]


def trusted() -> ssl.SSLContext:
    """Return whose certificates are accepted."""
    return httpx.create_ssl_context()


def proxy_of(url: str) -> str | None:
    """Return the proxy by which the environment sends requests to an address, if any."""
    place = urlsplit(url)
    if proxy_bypass(place.hostname or ""):
        return None
    proxies = getproxies()
    proxy = proxies.get(place.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


class _Transports:
    """Transports for as many requests as are made at a time, each with one connection.

    A transport that is shared looks through all its connections, under a lock, twice a request.
    """

    def __init__(self, url: str, only: httpx.BaseTransport | None) -> None:
        self._trust = trusted()
        self._proxy = proxy_of(url)
        self._only = only
        self._idle: deque[httpx.BaseTransport] = deque([self._new()])

    @contextmanager
    def borrowed(self) -> Iterator[httpx.BaseTransport]:
        """Have one for oneself: the one that was given back last, since it is warmest."""
        try:
            transport = self._idle.pop()
        except IndexError:
            transport = self._new()
        try:
            yield transport
        finally:
            self._idle.append(transport)

    def close(self) -> None:
        """Close those that nobody has."""
        while self._idle:
            self._idle.pop().close()

    def _new(self) -> httpx.BaseTransport:
        return self._only or httpx.HTTPTransport(
            verify=self._trust,
            proxy=self._proxy,
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=1, keepalive_expiry=_KEEPALIVE_S
            ),
        )


class _WithheldError(Exception):
    """Stops an exchange before its first byte."""


def _traced(wire: Wire) -> Callable[[str, Mapping[str, object]], None]:
    # Only httpcore knows when the connection is open, which may have taken seconds, and the request
    # is about to be written. Head and body are written apart: without its body a request is none.
    def trace(event: str, _: Mapping[str, object]) -> None:
        if event.endswith(_BEFORE_WRITING) and not wire.may_go_on():
            raise _WithheldError
        if event.endswith("send_request_body.complete"):
            wire.has_gone()

    return trace
