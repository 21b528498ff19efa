"""The four inbound endpoints as a bare ASGI application: this is the hot path."""

import asyncio
import json
from typing import assert_never

from starlette.types import Receive, Scope, Send

from onport_sandbox.connection import reset_connection
from onport_sandbox.endpoints import HASH_HEADER, Endpoint
from onport_sandbox.sandbox import Sandbox
from onport_sandbox.verdicts import Ending, InboundRequest, Verdict

_OK_BODY = b'{"status":"ok"}'


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


async def answer_inbound(
    sandbox: Sandbox, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send
) -> None:
    """Take one request to `endpoint`, have it decided, and give it what it gets."""
    started = sandbox.arrived()
    headers = dict(scope["headers"])
    try:
        body = await _read_body(receive, sandbox.settings.max_body_bytes, headers)
    except ClientGoneError:
        return
    request = InboundRequest(
        endpoint=endpoint,
        method=scope["method"],
        content_type=headers.get(b"content-type", b""),
        body=body,
        started=started,
    )
    reply = sandbox.decide(request, headers.get(HASH_HEADER))
    match reply.verdict.ending:
        case Ending.ANSWERED:
            # Not a plain sleep: a stopping server would have to wait for it, or cut it off loudly.
            if reply.latency_seconds and await _client_left(receive, reply.latency_seconds):
                return
            await _send_answer(send, reply.verdict)
        case Ending.HELD:
            if not await _client_left(receive, sandbox.settings.hold_seconds):
                await reset_connection(scope, receive)
        case Ending.RESET:
            await reset_connection(scope, receive)
        case _:
            assert_never(reply.verdict.ending)


async def _read_body(
    receive: Receive, most_bytes: int, headers: dict[bytes, bytes]
) -> bytes | None:
    """Return the body, or None as soon as it is known to be too large."""
    announced = headers.get(b"content-length", b"")
    # int() of endless digits is slow; a length of twenty digits is too large without it.
    if len(announced) > 19 or (announced.isdigit() and int(announced) > most_bytes):
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most_bytes:
            return None
        if not message.get("more_body", False):
            # Nearly every body comes in one part, which needs no joining.
            return b"".join((*parts, part)) if parts else part
        parts.append(part)


async def _send_answer(send: Send, verdict: Verdict) -> None:
    if verdict.status == 200:
        body = _OK_BODY
    else:
        body = json.dumps({"status": "error", "message": verdict.reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if verdict.header is not None:
        headers.append(verdict.header)
    await send({"type": "http.response.start", "status": verdict.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _client_left(receive: Receive, seconds: float) -> bool:
    """Wait for `seconds`; return at once, and true, when the client leaves before."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
