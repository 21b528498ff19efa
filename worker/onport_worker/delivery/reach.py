"""Whether an endpoint can be reached: a connection is opened, and nothing sent."""

import socket
from urllib.parse import urlsplit

from onport_queue.errors import RelayError
from onport_worker.delivery.endpoint import trusted

_PORTS = {"http": 80, "https": 443}


class UnreachableError(RelayError):
    """No connection could be opened; the text says why."""


def reach(url: str, timeout_s: float) -> None:
    """Open a connection as a request would, with TLS where the address says so, and close it.

    Raises:
        UnreachableError: that could not be done in time.
    """
    place = urlsplit(url)
    host = place.hostname or ""
    try:
        port = place.port or _PORTS[place.scheme]
    except ValueError as error:
        raise UnreachableError(str(error)) from error
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as opened:
            if place.scheme == "https":
                trusted().wrap_socket(opened, server_hostname=host).close()
    except OSError as error:
        raise UnreachableError(f"no connection to {host}:{port}: {error}") from error
