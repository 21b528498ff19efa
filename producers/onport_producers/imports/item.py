"""One item of a file, or a place in it that is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from onport_producers.imports.errors import UnreadableError
from onport_queue.jobs import Payload

MAX_ITEM_BYTES = 10_000_000
"""The longest line or element that is read; nothing Onport takes comes near it."""


class Rows(NamedTuple):
    """The rows of a table that an item was read from, and which of them it is about.

    More than one where it can't be read without the others, as a variant without its product.
    """

    cells: Sequence[Sequence[str]]
    at: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """A payload and the line it begins on. JSON stays as it was written, byte for byte."""

    line: int
    payload: Payload
    rows: Rows | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A place in a file that is no item, while the rest can be read.

    Attributes:
        fault: where it is and what is wrong.
        origin: what stands there: the rows of a table, or text.
    """

    fault: UnreadableError
    origin: Rows | bytes


Entry: TypeAlias = Item | Rejected
