"""One item of a file."""

from dataclasses import dataclass

from onport_queue.jobs import Payload

MAX_ITEM_BYTES = 10_000_000
"""The longest line or element that is read; nothing Onport takes comes near it."""


@dataclass(frozen=True, slots=True)
class Item:
    """A payload and the line it begins on. JSON stays as it was written, byte for byte."""

    line: int
    payload: Payload
