"""Reading what a shop exported: items one by one, each with its line, at constant memory."""

from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.formats import Format
from onport_producers.imports.item import Entry, Item, Rejected, Rows
from onport_producers.imports.reading import Contents, read_contents, read_items
from onport_producers.imports.rejects import Rejects, opened_rejects
from onport_producers.imports.rules import Rules
from onport_producers.imports.source import Source, open_source

__all__ = [
    "Contents",
    "Entry",
    "Format",
    "Item",
    "Rejected",
    "Rejects",
    "Rows",
    "Rules",
    "Source",
    "UnreadableError",
    "open_source",
    "opened_rejects",
    "read_contents",
    "read_items",
]
