"""Sending: the only module that speaks to Onport."""

import ssl
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from typing import Protocol

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from onport_queue.settings import Settings
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
    ) -> None:
        self._credentials = credentials
        self._clients = _Clients(settings, transport)
        self._blank = cache(self._blank_of)

    def send(self, request: Request, wire: Wire) -> Outcome | Withheld:
        """Send once; a connection that never opened is tried once more, since nothing was sent."""
        try:
            return _OPENING(self._exchange, request, wire)
        except _WithheldError:
            return Withheld()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return NotSent(self._printable(f"{type(error).__name__}: {error}"))
        except httpx.TransportError as error:
            return Ambiguous(self._printable(f"{type(error).__name__}: {error}"))

    def close(self) -> None:
        """Close all connections."""
        self._clients.close()

    def _blank_of(self, method: str, path: str, fingerprint: str) -> httpx.Request:
        # What all requests of a kind have in common; merged once, not for each.
        headers = {HASH_HEADER: self._credentials.hash_of(fingerprint)}
        with self._clients.borrowed() as client:
            return client.build_request(method, path, headers=headers)

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
            self._clients.borrowed() as client,
            closing(client.send(filled, stream=True)) as response,
        ):
            answer = b""
            for chunk in response.iter_bytes():
                answer += chunk
                if len(answer) > _ANSWER_READ:
                    break
            text = self._printable(answer.decode(errors="replace"))
            return Answered(
                response.status_code,
                text,
                response.headers.get("retry-after"),
                response.headers.get("date"),
            )

    def _printable(self, text: str) -> str:
        # Before it is cut: half a hash would not be found.
        for disguise in self._credentials.disguises:
            text = text.replace(disguise, "***")
        return "".join(char if char.isprintable() else " " for char in text)[:_ANSWER_KEPT]


def trusted() -> ssl.SSLContext:
    """Return whose certificates are accepted."""
    return httpx.create_ssl_context()


class _Clients:
    """Clients for as many requests as are made at a time, each with one connection.

    A client that is shared looks through all its connections, under a lock, twice a request.
    """

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None) -> None:
        self._settings = settings
        self._transport = transport
        self._trust = trusted()
        self._idle: deque[httpx.Client] = deque([self._new()])

    @contextmanager
    def borrowed(self) -> Iterator[httpx.Client]:
        """Have a client for oneself: the one that was given back last, since it is warmest."""
        try:
            client = self._idle.pop()
        except IndexError:
            client = self._new()
        try:
            yield client
        finally:
            self._idle.append(client)

    def close(self) -> None:
        """Close those that nobody has."""
        while self._idle:
            self._idle.pop().close()

    def _new(self) -> httpx.Client:
        settings = self._settings
        return _Client(
            base_url=settings.base_url,
            headers={"content-type": "application/json"},
            timeout=httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s),
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=1, keepalive_expiry=_KEEPALIVE_S
            ),
            follow_redirects=False,
            verify=self._trust,
            transport=self._transport,
        )


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep none: a request is the same whatever was answered before it."""


class _Client(httpx.Client):
    _none = _NoCookies()

    @property
    def cookies(self) -> httpx.Cookies:
        """None; it would look for them in every answer, and none are sent."""
        return self._none

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        raise NotImplementedError("no cookies are kept")


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
