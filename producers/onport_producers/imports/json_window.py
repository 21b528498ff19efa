"""A window on JSON text that moves over a file: as much in memory as the value being read."""

import codecs
import json
import re
from collections.abc import Iterator

from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.item import MAX_ITEM_BYTES, Entry, Item, Rejected
from onport_producers.imports.json_text import check_numbers, decoded
from onport_producers.imports.pieces import PIECE_BYTES, not_utf8

_SPACE = re.compile(r"[ \t\r\n]*")
# The longest token that a window's edge may cut in two (a \uXXXX\uXXXX escape, -Infinity).
_TOKEN = 16


class Window:
    """The unread part of a text, and the line and column it begins at."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._lines_read = 1
        self._text = ""
        self._at = 0
        self._ended = False
        self._line = 1
        self._column = 1

    def next_sign(self) -> str:
        """Move over white space and return the next character, or nothing at the end."""
        while True:
            self._advance(_SPACE.match(self._text, self._at).end())  # type: ignore[union-attr]  # matches anything
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._grow()

    def skip(self) -> None:
        """Move over the next character."""
        self._advance(self._at + 1)

    def value(self) -> Entry:
        """Move over the next value and return it, as it was written."""
        while True:
            if (found := self._next_value()) is not None:
                value, end = found
                text, line = self._text[self._at : end], self._line
                body = text.encode()
                self._check_size(len(body))
                self._advance(end)
                try:
                    check_numbers(value, text, line)
                except UnreadableError as fault:
                    return Rejected(fault, body)
                return Item(line, body)
            self._check_size(len(self._text) - self._at)
            self._grow()

    def fault(self, problem: str) -> UnreadableError:
        """Return the error for what stands at the present place."""
        return UnreadableError(f"not JSON: {problem} at column {self._column}", self._line)

    def _next_value(self) -> tuple[object, int] | None:
        """Return the value and where it ends; None if more of the text is needed to tell."""
        try:
            value, end = decoded(self._text, self._at, self._line)
        except json.JSONDecodeError as error:
            if self._ended or self._is_final(error):
                self._advance(error.pos)
                raise self.fault(error.msg) from None
            return None
        return (value, end) if end < len(self._text) or self._ended else None

    def _is_final(self, error: json.JSONDecodeError) -> bool:
        # Anything else than the window's edge is wrong however the text goes on.
        cut = error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _TOKEN
        return not cut

    def _check_size(self, size: int) -> None:
        if size > MAX_ITEM_BYTES:
            raise UnreadableError(f"a value longer than {MAX_ITEM_BYTES:,} bytes", self._line)

    def _advance(self, to: int) -> None:
        feeds = self._text.count("\n", self._at, to)
        if feeds:
            self._line += feeds
            self._column = to - self._text.rfind("\n", self._at, to)
        else:
            self._column += to - self._at
        self._at = to

    def _grow(self) -> None:
        # To twice the size: a long value is then decoded a few times only, not once a piece.
        unread = self._text[self._at :]
        parts, size, wanted = [unread], 0, max(PIECE_BYTES, len(unread))
        while size < wanted and not self._ended:
            part = self._next_text()
            parts.append(part)
            size += len(part)
        self._text, self._at = "".join(parts), 0

    def _next_text(self) -> str:
        piece = next(self._pieces, b"")
        self._ended = not piece
        try:
            text = self._decoder.decode(piece, final=self._ended)
        except UnicodeDecodeError as error:
            line = self._lines_read + error.object.count(b"\n", 0, error.start)
            raise not_utf8(error.object[error.start], line) from None
        self._lines_read += piece.count(b"\n")
        return text


def read_array(pieces: Iterator[bytes]) -> Iterator[Entry]:
    """Yield the elements of one JSON array.

    Raises:
        UnreadableError: naming line and column.
    """
    window = Window(pieces)
    if window.next_sign() != "[":
        raise window.fault("expected '['")
    window.skip()
    if window.next_sign() == "]":
        window.skip()
    else:
        yield from _elements(window)
    if window.next_sign():
        raise window.fault("expected the end after the array")


def read_documents(pieces: Iterator[bytes]) -> Iterator[Entry]:
    """Yield JSON values that stand one after the other, each over as many lines as it likes.

    Raises:
        UnreadableError: naming line and column.
    """
    window = Window(pieces)
    while window.next_sign():
        yield window.value()


def _elements(window: Window) -> Iterator[Entry]:
    while True:
        if not window.next_sign():
            raise window.fault("the array is not closed; the file seems cut")
        yield window.value()
        match window.next_sign():
            case ",":
                window.skip()
            case "]":
                window.skip()
                return
            case "":
                raise window.fault("the array is not closed; the file seems cut")
            case _:
                raise window.fault("expected ',' or ']'")
