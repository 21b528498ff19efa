"""Reading what a shop exported: items one by one, each with its line, at constant memory."""

from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.formats import Format
from onport_producers.imports.item import Item
from onport_producers.imports.reading import read_items
from onport_producers.imports.source import Source, open_source

__all__ = ["Format", "Item", "Source", "UnreadableError", "open_source", "read_items"]
