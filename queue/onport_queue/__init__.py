"""The keyed, durable queue between a shop and Onport."""

from onport_queue.errors import (
    BrokerUnavailableError,
    InvalidJobError,
    NewerFormatError,
    RelayError,
    SettingsError,
    SpoolError,
    VolatileBrokerError,
)
from onport_queue.fold import Mode
from onport_queue.ledger import Ledger, Stats
from onport_queue.names import Kind, Lane
from onport_queue.store import Queue

__version__ = "0.1.0"

__all__ = [
    "BrokerUnavailableError",
    "InvalidJobError",
    "Kind",
    "Lane",
    "Ledger",
    "Mode",
    "NewerFormatError",
    "Queue",
    "RelayError",
    "SettingsError",
    "SpoolError",
    "Stats",
    "VolatileBrokerError",
]
