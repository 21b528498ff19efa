"""What can go wrong with the embedded broker, as a caller would tell it apart.

EmbeddedBrokerError
├── BinaryNotFoundError   there is no server program to run
├── DirectoryInUseError   another broker works in this directory
└── BrokerFailedError     the server does not start, or does not stay up
"""

from dataclasses import dataclass
from pathlib import Path

from onport_queue.errors import RelayError


class EmbeddedBrokerError(RelayError):
    """Anything that keeps the embedded broker from serving."""


class BinaryNotFoundError(EmbeddedBrokerError):
    """There is no server program to run; the text names what was looked for."""


@dataclass(eq=False)
class DirectoryInUseError(EmbeddedBrokerError):
    """Another broker works in this directory.

    Attributes:
        directory: the data directory both want.
        pid: the process that supervises the other server, when known.
        server_pid: the other server itself, when known.
        port: where the other server listens, when known.
    """

    directory: Path
    pid: int | None
    server_pid: int | None
    port: int | None

    def __str__(self) -> str:
        if self.pid is None:
            return f"{self.directory}: another broker is starting on this directory"
        server = "starting" if self.server_pid is None else f"pid {self.server_pid}"
        return (
            f"{self.directory}: a broker already runs on this directory, on port {self.port}"
            f" (started by pid {self.pid}, server {server})"
        )


class BrokerFailedError(EmbeddedBrokerError):
    """The server does not start, or does not stay up; the text carries the server's own words."""
