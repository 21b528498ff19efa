"""An endpoint that keeps every request as it came: what the sandbox tells by digests only."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

from tests.acceptance.listener import Listener


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Recorder(Listener):
    """Answers everything alike."""

    def __init__(self, *, status: int = 200, path: str = "/webhooks/custom-channels") -> None:
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

        super().__init__(_Handler, path)
