"""The server's configuration file, as text."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

AppendFsync = Literal["always", "everysec", "no"]
"""When a write reaches the disk: before it is answered, every second, or when the system likes."""


@dataclass(frozen=True, slots=True)
class ServerConf:
    """What one embedded server is told.

    Attributes:
        directory: where it keeps its files; any name will do, spaces and quotes included.
        port: where it listens, on loopback only.
        password: what clients must know.
        appendfsync: when a write reaches the disk.
        persist: whether anything reaches the disk at all.
    """

    directory: Path
    port: int
    password: str = field(repr=False)
    appendfsync: AppendFsync
    persist: bool

    def text(self) -> str:
        """Return the file's text; what it says on durability is what config/redis.conf says."""
        return "\n".join(
            [
                "bind 127.0.0.1",
                f"port {self.port}",
                f"dir {quoted(str(self.directory))}",
                f"requirepass {quoted(self.password)}",
                "daemonize no",
                'logfile ""',
                'save ""',
                f"appendonly {'yes' if self.persist else 'no'}",
                f"appendfsync {self.appendfsync}",
                # A binary preamble can't be repaired, nor be read by an older server.
                "aof-use-rdb-preamble no",
                "maxmemory-policy noeviction",
                "",
            ]
        )


def quoted(value: str) -> str:
    """Return the value as one argument of a configuration line, whatever is in it."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(character, character) for character in value) + '"'
