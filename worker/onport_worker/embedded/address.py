"""Where an embedded broker is reached."""

import socket
from pathlib import Path

from onport_worker.embedded.lock import holder_of
from onport_worker.embedded.password import read_password

HOST = "127.0.0.1"


def url(*, port: int, password: str) -> str:
    """Return the Redis URL of a broker on this machine."""
    return f"redis://:{password}@{HOST}:{port}/0"


def running_url(directory: Path) -> str | None:
    """Return the URL of the broker that works in the directory now, or None.

    Another process finds the broker of ``up`` by this. It may be starting still: connect patiently.
    """
    holder = holder_of(directory)
    if holder is None:
        return None
    return url(port=holder.port, password=read_password(directory))


def choose_port(wanted: int, *, last: int | None) -> int:
    """Return the port wanted; for 0 the last one if it is free, else any free one.

    A directory keeps its port, so that a client which was told the address once stays right.
    """
    if wanted:
        return wanted
    if last is not None and is_free(last):
        return last
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port."""
    with socket.socket() as probe:
        # Connections of the last server that wait for their end don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
