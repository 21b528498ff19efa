"""An endpoint that keeps every request as it came: what the sandbox tells by digests only."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_BOUND_S = 10
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Recorder:
    """Answers everything alike."""

    def __init__(self, *, status: int = 200, path: str = "/webhooks/custom-channels") -> None:
        self._path = path
        self.requests: list[Recorded] = []
        requests = self.requests

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                requests.append(Recorded(self.command, self.path, headers, body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_PUT = do_POST  # noqa: N815 - http.server's spelling

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(_POLL_S,), name="recorder")

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
