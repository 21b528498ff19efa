"""What the page's paths answer, and what a browser is told about each of them."""

from starlette.responses import JSONResponse, Response
from starlette.types import Message, Send

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'"
)
_TOLD = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def guarded(send: Send) -> Send:
    """Return a way to send answers with which a browser loads nothing from elsewhere."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_TOLD]
        await send(message)

    return sent


def reply(document: object, status: int = 200, *, cookie: str | None = None) -> Response:
    """Return an answer that is a JSON document, and is kept nowhere."""
    headers = {"cache-control": "no-store"}
    if cookie is not None:
        headers["set-cookie"] = cookie
    return JSONResponse(document, status, headers)


def refusal(status: int, error: str) -> Response:
    """Return an answer that says what is wrong, for a person."""
    return reply({"error": error}, status)
