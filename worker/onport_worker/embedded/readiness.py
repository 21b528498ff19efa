"""Whether a server answers, asked on a bare socket: a client library would retry and hide it."""

import socket
from enum import Enum

from onport_worker.embedded.address import HOST

_TIMEOUT_S = 1.0


class Readiness(Enum):
    """What a server is ready for."""

    READY = "answers commands"
    LOADING = "reads its data, however long that takes"
    ABSENT = "does not answer, or is not ours"


def ask(*, port: int, password: str) -> Readiness:
    """Ask the server on this port for AUTH and PING, and judge the answer."""
    answer = b""
    try:
        with socket.create_connection((HOST, port), timeout=_TIMEOUT_S) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            while answer.count(b"\n") < 2 and (part := connection.recv(256)):
                answer += part
    except OSError:
        return Readiness.ABSENT
    return judge(answer)


def judge(answer: bytes) -> Readiness:
    """Return what the answers to AUTH and PING mean."""
    lines = answer.split(b"\r\n")
    if len(lines) < 3 or lines[0] != b"+OK":
        # Somebody else's server on our port: it does not know the password.
        return Readiness.ABSENT
    if lines[1].startswith(b"-LOADING"):
        return Readiness.LOADING
    # MISCONF: up, serving reads, and healing by itself when the disk has room again.
    if lines[1] == b"+PONG" or lines[1].startswith(b"-MISCONF"):
        return Readiness.READY
    return Readiness.ABSENT
