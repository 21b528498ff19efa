"""A real Valkey server of our own, on loopback: what a relay without a broker runs on."""

from onport_worker.embedded.address import running_url
from onport_worker.embedded.broker import EmbeddedBroker
from onport_worker.embedded.conf import AppendFsync
from onport_worker.embedded.errors import (
    BinaryNotFoundError,
    BrokerFailedError,
    DirectoryInUseError,
    EmbeddedBrokerError,
)
from onport_worker.embedded.restarts import RestartPolicy

__all__ = [
    "AppendFsync",
    "BinaryNotFoundError",
    "BrokerFailedError",
    "DirectoryInUseError",
    "EmbeddedBroker",
    "EmbeddedBrokerError",
    "RestartPolicy",
    "running_url",
]
