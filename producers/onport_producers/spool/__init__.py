"""Where puts are kept while Redis is away: one SQLite file a host, flushed in order."""

from onport_producers.spool.flusher import Flushed, Flusher, flush, turn_of
from onport_producers.spool.store import Contents, Entry, Refused, Spool

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
