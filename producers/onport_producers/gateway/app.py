"""The gateway as an ASGI application, without a framework: the path of a sale is hot."""

import asyncio
from time import perf_counter

from starlette.types import Receive, Scope, Send

from onport_producers.gateway import answer as answers
from onport_producers.gateway.answer import Answer
from onport_producers.gateway.body import ClientGoneError, linger
from onport_producers.gateway.description import description_page
from onport_producers.gateway.door import Door
from onport_producers.gateway.inbound import Inbound
from onport_producers.gateway.metrics import CONTENT_TYPE, Metrics
from onport_producers.gateway.page import OFF_PAGE, Page
from onport_producers.gateway.routes import ROUTE_BY_PATH
from onport_producers.gateway.schema import schema
from onport_producers.gateway.state import QueueState, SpoolState
from onport_producers.producer import Producer
from onport_queue.clock import SystemClock
from onport_queue.errors import BrokerUnavailableError
from onport_queue.settings import Settings

# What is answered so was not read to its end.
_UNREAD = frozenset({401, 404, 405, 413, 415})
_HTML = b"text/html; charset=utf-8"
_HEALTHY = answers.document({"status": "ok"})


class Gateway:
    """Answers Onport's four inbound paths once the relay has what they carry.

    Args:
        settings: the hash, the broker, the spool.
        producer: what puts; by default one set up by the settings.

    Raises:
        SettingsError: there is no hash, or no broker is named.
    """

    def __init__(self, settings: Settings, producer: Producer | None = None) -> None:
        clock = SystemClock()
        self._producer = producer or Producer(settings)
        self._metrics = Metrics(QueueState(settings, clock), SpoolState(settings, clock))
        self._inbound = Inbound(self._producer, Door.of(settings), self._metrics)
        described = schema()
        self._documents = {
            "/healthz": _HEALTHY,
            "/openapi.json": answers.document(described),
            "/docs": Answer(200, description_page(described), content_type=_HTML),
            "/": Answer(200, OFF_PAGE, content_type=_HTML),
        }
        self._page = Page.of(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        route = ROUTE_BY_PATH.get(scope["path"])
        if route is None:
            if self._page is not None and self._page.has(scope["path"]):
                await self._page(scope, receive, send)
                return
            await _send(send, receive, await self._aside(scope["path"], scope["method"]))
            return
        began = perf_counter()
        try:
            answer = await self._inbound.answer(route, scope, receive)
        except ClientGoneError:
            return
        self._metrics.answered(route.kind, answer.status, perf_counter() - began)
        await _send(send, receive, answer)

    def end_streams(self) -> None:
        """End what would be answered for as long as somebody watches; the others are finished."""
        if self._page is not None:
            self._page.end_streams()

    async def _aside(self, path: str, method: str) -> Answer:
        known = path in self._documents or path in ("/readyz", "/metrics")
        if not known:
            return answers.refused(404, "no such path; /docs lists those that there are")
        if method not in ("GET", "HEAD"):
            return answers.wrong_method("GET, HEAD")
        match path:
            case "/readyz":
                return await asyncio.to_thread(self._readiness)
            case "/metrics":
                text = await asyncio.to_thread(self._metrics.text)
                return Answer(200, text, content_type=CONTENT_TYPE.encode())
            case _:
                return self._documents[path]

    def _readiness(self) -> Answer:
        try:
            return answers.document({"status": "ready", "takes": self._producer.check()})
        except BrokerUnavailableError:
            return answers.unavailable()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._inbound.close)
                if self._page is not None:
                    await asyncio.to_thread(self._page.close)
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _send(send: Send, receive: Receive, answer: Answer) -> None:
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
    ]
    if answer.status not in _UNREAD:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        return
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    await linger(receive)
    await send({"type": "http.response.body", "body": b""})
