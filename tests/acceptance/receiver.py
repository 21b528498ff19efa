"""A webhook's other end: takes POSTs of JSON on loopback, in a thread, and remembers them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_BOUND_S, _POLL_S = 10.0, 0.02


class Receiver:
    """Takes what is posted while the context lasts."""

    def __init__(self, *, status: int = 200) -> None:
        got: list[dict[str, Any]] = []

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.got = got
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), daemon=True
        )

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self._server.server_port}/services/T0KEN"

    def told(self, alert: str) -> list[str]:
        """Return what was told of one sort, in order."""
        return [one["state"] for one in list(self.got) if one["alert"] == alert]

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
