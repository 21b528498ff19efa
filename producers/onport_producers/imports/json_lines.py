"""JSON Lines: one value on each line that is not blank."""

import json
from collections.abc import Iterable, Iterator

from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.item import Entry, Item, Rejected
from onport_producers.imports.json_text import check_numbers, decoded
from onport_producers.imports.pieces import Line, lines_of


def read_json_lines(pieces: Iterable[bytes]) -> Iterator[Entry]:
    """Yield the items of JSON Lines.

    Raises:
        UnreadableError: a line is longer than an item may be.
    """
    for line in lines_of(pieces):
        try:
            if text := line.text.strip():
                yield Item(line.number, _checked(text, line.number))
        except UnreadableError as fault:
            yield Rejected(fault, line.raw.strip())


def holds_one_value(line: Line) -> bool:
    """Return whether a line is one JSON value: then the file is JSON Lines, not one document."""
    try:
        text = line.text.strip()
        return decoded(text, 0, line.number)[1] == len(text)
    except json.JSONDecodeError:
        return False
    except UnreadableError:
        return True  # a bad one


def _checked(text: str, line: int) -> bytes:
    try:
        value, end = decoded(text, 0, line)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"not JSON: {error.msg} at column {error.pos + 1}", line) from None
    if end != len(text):
        raise UnreadableError(f"not JSON: more than one value, from column {end + 1}", line)
    check_numbers(value, text, line)
    return text.encode()
