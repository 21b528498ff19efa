"""The transactional outbox: jobs that stand in the shop's own database, committed with its order.

An `Outbox` adds them within the shop's transaction; a `Pump` moves what was committed into the
queue. Needs SQLAlchemy (the extra `outbox`).
"""

from onport_producers.outbox.database import open_database, place_of
from onport_producers.outbox.errors import DatabaseUnavailableError, OutboxError
from onport_producers.outbox.jobs import (
    Acknowledgement,
    Disconnection,
    NewSale,
    OutboxJob,
    Product,
    SaleUpdate,
)
from onport_producers.outbox.outbox import Added, Outbox
from onport_producers.outbox.pump import HandoverOf, Pump, Pumped
from onport_producers.outbox.rows import Contents, Refused
from onport_producers.outbox.table import TABLE, ddl

__all__ = [
    "TABLE",
    "Acknowledgement",
    "Added",
    "Contents",
    "DatabaseUnavailableError",
    "Disconnection",
    "HandoverOf",
    "NewSale",
    "Outbox",
    "OutboxError",
    "OutboxJob",
    "Product",
    "Pump",
    "Pumped",
    "Refused",
    "SaleUpdate",
    "ddl",
    "open_database",
    "place_of",
]
