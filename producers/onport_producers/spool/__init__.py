"""Where puts are kept while Redis is away: one SQLite file a host, flushed in order."""

from onport_producers.kept import Entry
from onport_producers.spool.flusher import Flushed, Flusher, flush
from onport_producers.spool.store import Contents, Refused, Spool
from onport_producers.spool.turn import turn_of

__all__ = [
    "Contents",
    "Entry",
    "Flushed",
    "Flusher",
    "Refused",
    "Spool",
    "flush",
    "turn_of",
]
