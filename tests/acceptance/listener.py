"""An HTTP server of a test's own, in a thread."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_BOUND_S = 10
_POLL_S = 0.02


class Listener:
    """Answers by a handler for as long as the context lasts."""

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], path: str = "/webhooks/custom-channels"
    ) -> None:
        self._path = path
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(_POLL_S,), name="listener")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join(_BOUND_S)
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its base URL, as the setting has it."""
        return f"http://127.0.0.1:{self._server.server_port}{self._path}"
