"""In by the token, out again, and who is in."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from onport_producers.gateway.body import TooLargeError, read_body
from onport_producers.gateway.page.replies import refusal, reply
from onport_producers.gateway.page.session import COOKIE, LASTS, Sessions

CSRF_HEADER = "x-onport-relay"
"""A page of elsewhere can't add it without asking first, and is not answered."""

_MOST_TOKEN_BYTES = 10_000

Handler = Callable[[Request], Awaitable[Response]]


class Entrance:
    """Opens sessions, and guards what is behind them."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def inside(self, handler: Handler) -> Handler:
        """Let in who has a session; whoever would change something must come from the page."""

        async def asked(request: Request) -> Response:
            if not self.is_in(request):
                return refusal(401, "The session has ended: sign in with the page's token.")
            if request.method not in ("GET", "HEAD") and not _is_ours(request):
                return _foreign()
            return await handler(request)

        return asked

    def is_in(self, request: Request) -> bool:
        """Return whether a request has a session that has not ended."""
        return self._sessions.is_open(request.cookies.get(COOKIE))

    async def look(self, request: Request) -> Response:
        """Answer whether there is a session, and let it last."""
        if not self.is_in(request):
            return reply({"is_open": False})
        return reply({"is_open": True}, cookie=self._cookie(request))

    async def enter(self, request: Request) -> Response:
        """Open a session for whoever shows the token."""
        if not _is_ours(request):
            return _foreign()
        try:
            shown = await read_body(request.receive, most_bytes=_MOST_TOKEN_BYTES)
        except TooLargeError:
            shown = b""
        if not self._sessions.opens(shown):
            return refusal(403, "That is not the page's token.")
        return reply({"is_open": True}, cookie=self._cookie(request))

    async def leave(self, request: Request) -> Response:
        """Take the cookie away."""
        del request
        gone = f"{COOKIE}=; Max-Age=0; HttpOnly; SameSite=Strict"
        return reply({"is_open": False}, cookie=gone)

    def _cookie(self, request: Request) -> str:
        # A proxy that adds TLS says so; who says it without one gets a stricter cookie.
        secure = "; Secure" if request.headers.get("x-forwarded-proto") == "https" else ""
        # It has no path, so that it gets that of the request: a proxy may serve the page elsewhere.
        term = f"Max-Age={int(LASTS.total_seconds())}"
        return f"{COOKIE}={self._sessions.cookie()}; {term}; HttpOnly; SameSite=Strict{secure}"


def _is_ours(request: Request) -> bool:
    # The second header is the browser's own, wherever there is TLS or the host is loopback.
    site = request.headers.get("sec-fetch-site", "same-origin")
    return CSRF_HEADER in request.headers and site == "same-origin"


def _foreign() -> Response:
    return refusal(403, f"expected a request of the page itself, with the header {CSRF_HEADER}")
