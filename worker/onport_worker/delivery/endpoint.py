"""Sending: the only module that speaks to Onport."""

import ssl
from collections.abc import Callable, Mapping
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


class Endpoint(Protocol):
    """Where requests go."""

    def send(self, request: Request, wire: Wire) -> Outcome | Withheld:
        """Send once, if the wire says so; every failure is an outcome."""


class HttpEndpoint:
    """Onport's inbound webhooks, by one shared client per process; thread-safe."""

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._credentials = credentials
        self._client = httpx.Client(
            base_url=settings.base_url,
            headers={"content-type": "application/json"},
            timeout=httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s),
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=settings.concurrency,
                keepalive_expiry=_KEEPALIVE_S,
            ),
            follow_redirects=False,
            transport=transport,
        )

    def send(self, request: Request, wire: Wire) -> Outcome | Withheld:
        """Send once; a connection that never opened is tried once more, since nothing was sent."""
        try:
            return self._opening()(self._exchange, request, wire)
        except _WithheldError:
            return Withheld()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return NotSent(self._printable(f"{type(error).__name__}: {error}"))
        except httpx.TransportError as error:
            return Ambiguous(self._printable(f"{type(error).__name__}: {error}"))

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _opening(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(httpx.ConnectError),
            stop=stop_after_attempt(2),
            wait=wait_random(0, 0.1),
            reraise=True,
        )

    def _exchange(self, request: Request, wire: Wire) -> Answered:
        headers = {HASH_HEADER: self._credentials.hash_of(request.print)}
        with self._client.stream(
            request.method,
            request.path,
            content=request.body,
            headers=headers,
            extensions={"trace": _traced(wire)},
        ) as response:
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
