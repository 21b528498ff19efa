"""A stand-in for the asynchronous inbound API of Onport."""

from onport_sandbox.app import create_app
from onport_sandbox.clock import Clock, ManualClock, SystemClock
from onport_sandbox.contents import Item
from onport_sandbox.documents import canonical_digest
from onport_sandbox.endpoints import ENDPOINTS, Endpoint, Kind
from onport_sandbox.errors import (
    Problem,
    SandboxError,
    SandboxProcessError,
    SettingsError,
    UnreadableError,
)
from onport_sandbox.faults import Fault
from onport_sandbox.process import SandboxProcess
from onport_sandbox.receipts import (
    FileReceipts,
    MemoryReceipts,
    NoReceipts,
    Receipt,
    Receipts,
    read_receipts,
)
from onport_sandbox.server import Stop, serve
from onport_sandbox.settings import Outage, SandboxSettings
from onport_sandbox.stats import Stats

__version__ = "0.1.0"

__all__ = [
    "ENDPOINTS",
    "Clock",
    "Endpoint",
    "Fault",
    "FileReceipts",
    "Item",
    "Kind",
    "ManualClock",
    "MemoryReceipts",
    "NoReceipts",
    "Outage",
    "Problem",
    "Receipt",
    "Receipts",
    "SandboxError",
    "SandboxProcess",
    "SandboxProcessError",
    "SandboxSettings",
    "SettingsError",
    "Stats",
    "Stop",
    "SystemClock",
    "UnreadableError",
    "canonical_digest",
    "create_app",
    "read_receipts",
    "serve",
]
