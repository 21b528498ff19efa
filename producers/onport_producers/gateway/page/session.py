"""Who may see the page: its token opens a session, which a signed cookie proves."""

import hashlib
import hmac
from datetime import timedelta

from onport_queue.clock import Clock

COOKIE = "onport-relay-page"
LASTS = timedelta(days=7)
_LONGEST_COOKIE = 100


class Sessions:
    """Opens sessions and knows its own again; every process with the same token does.

    Nothing is stored: a cookie is the moment at which its session ends, signed with the token.
    Another token ends them all.
    """

    def __init__(self, token: str, clock: Clock) -> None:
        self._token = token.encode()
        self._clock = clock

    def opens(self, shown: bytes) -> bool:
        """Return whether that is the token; the time it takes tells nothing of it."""
        return hmac.compare_digest(self._token, shown)

    def cookie(self) -> str:
        """Return the cookie of a session that begins now."""
        ends = str(int((self._clock.wall() + LASTS).timestamp()))
        return f"{ends}.{self._signature(ends)}"

    def is_open(self, cookie: str | None) -> bool:
        """Return whether that is the cookie of a session that has not ended."""
        if not cookie or len(cookie) > _LONGEST_COOKIE or not cookie.isascii():
            return False
        ends, _, signature = cookie.partition(".")
        if not hmac.compare_digest(self._signature(ends), signature):
            return False
        return self._clock.wall().timestamp() < int(ends)

    def _signature(self, ends: str) -> str:
        return hmac.new(self._token, f"{COOKIE} {ends}".encode(), hashlib.sha256).hexdigest()
