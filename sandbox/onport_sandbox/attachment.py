"""The tie between a sandbox and the process that started it: a pipe to its standard input.

The parent writes the settings as one line of JSON, hashes included, so that they show in no list
of processes. It then keeps the pipe open: however the parent ends, the pipe ends with it.
"""

import os
import threading
from collections.abc import Callable

from onport_sandbox.documents import Json, parse_document

STANDARD_INPUT = 0
_CHUNK_BYTES = 65_536


def read_settings_line(pipe: int = STANDARD_INPUT) -> Json:
    """Return the document in the first line of `pipe`; an ended pipe is a ValueError."""
    line = b""
    # os.read takes what is there: a buffered reader would hold a lock that a stop waits for.
    while not line.endswith(b"\n"):
        chunk = os.read(pipe, _CHUNK_BYTES)
        if not chunk:
            raise ValueError("the pipe ended before a line of settings")
        line += chunk
    return parse_document(line)


def watch_end(on_end: Callable[[], None], pipe: int = STANDARD_INPUT) -> None:
    """Call `on_end`, from a thread of its own, when `pipe` ends."""

    def wait() -> None:
        while os.read(pipe, _CHUNK_BYTES):
            pass
        on_end()

    threading.Thread(target=wait, name="onport-sandbox-parent", daemon=True).start()
