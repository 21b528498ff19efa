"""The bytes of a file in pieces: a line each, or a part of one if it is long."""

import codecs
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.item import MAX_ITEM_BYTES

PIECE_BYTES = 65_536
_SPACE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line, its line feed included, and its number."""

    number: int
    raw: bytes

    @property
    def text(self) -> str:
        """The line as text. Raises UnreadableError if it is not UTF-8."""
        try:
            return self.raw.decode()
        except UnicodeDecodeError as error:
            raise not_utf8(self.raw[error.start], self.number) from None


def pieces_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the stream's bytes, without a byte order mark."""
    first = stream.readline(PIECE_BYTES)
    if first.startswith(codecs.BOM_UTF8):
        first = first[len(codecs.BOM_UTF8) :] or stream.readline(PIECE_BYTES)
    piece = first
    while piece:
        yield piece
        piece = stream.readline(PIECE_BYTES)


def first_byte(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first byte that is no space (empty if there is none), and all the pieces."""
    seen: list[bytes] = []
    size = 0
    for piece in pieces:
        seen.append(piece)
        size += len(piece)
        if stripped := piece.lstrip(_SPACE):
            return stripped[:1], itertools.chain(seen, pieces)
        if size > MAX_ITEM_BYTES:
            raise UnreadableError(f"begins with more than {MAX_ITEM_BYTES:,} bytes of blanks")
    return b"", iter(seen)


def lines_of(pieces: Iterable[bytes]) -> Iterator[Line]:
    """Yield whole lines.

    Raises:
        UnreadableError: one is longer than MAX_ITEM_BYTES.
    """
    parts: list[bytes] = []
    size, number = 0, 1
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > MAX_ITEM_BYTES:
            raise UnreadableError(f"longer than {MAX_ITEM_BYTES:,} bytes", number)
        if piece.endswith(b"\n"):
            yield Line(number, b"".join(parts))
            parts, size, number = [], 0, number + 1
    if parts:
        yield Line(number, b"".join(parts))


def not_utf8(byte: int, line: int) -> UnreadableError:
    """Return the error for a byte that UTF-8 does not have there."""
    return UnreadableError(f"not UTF-8: byte 0x{byte:02x}; save the file as UTF-8", line)
