"""An endpoint that answers with all that it was sent, hash included, in all ways one can fail."""

import json
import socket
import struct
from base64 import b64encode
from collections import Counter
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote

from tests.acceptance.listener import Listener

DENIED_HASH = "denied"
_HASH_HEADER = "jetti-webhook-hash"


class Echo(Listener):
    """What is done with a sale is said by its key, up to the dash; all but a refusal happens once.

    `refused` 422, `broken` 500, `reset` no answer, `garbled` no HTTP. Disconnections are not found,
    and a hash that ends with DENIED_HASH is wrong.
    """

    def __init__(self) -> None:
        self.accepted: set[str] = set()
        self.asked: Counter[str] = Counter()
        echo = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                secret = self.headers[_HASH_HEADER]
                said = body.decode()
                said += f" {secret} {quote(secret, safe='')} {b64encode(secret.encode()).decode()}"
                match echo.fate(self.path, secret, body):
                    case "reset":
                        linger = struct.pack("ii", 1, 0)
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        self.connection.close()
                        self.close_connection = True
                    case "garbled":
                        self.wfile.write(f"{said}\r\n\r\n".encode())
                        self.close_connection = True
                    case status:
                        self.send_response(int(status), said[:50].replace("\n", " "))
                        self.send_header("content-length", str(len(said.encode())))
                        self.end_headers()
                        self.wfile.write(said.encode())

            do_PUT = do_POST  # noqa: N815 - http.server's spelling

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(_Handler)
        # What was reset ends in an error of its own.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] # it is quiet

    def fate(self, path: str, secret: str, body: bytes) -> str:
        """Return what a request gets: a status, or a word for what is none."""
        if secret.endswith(DENIED_HASH):
            return "401"
        if "disconnect" in path:
            return "404"
        content = json.loads(body)
        keys = [content["externalId"]] if isinstance(content, dict) else [i["sku"] for i in content]
        self.asked.update(keys)
        word = keys[0].partition("-")[0]
        if word == "refused":
            return "422"
        if self.asked[keys[0]] == 1 and word in ("broken", "reset", "garbled"):
            return "500" if word == "broken" else word
        self.accepted.update(keys)
        return "200"
