"""JSON Lines: one value on each line that is not blank."""

import json
from collections.abc import Iterable, Iterator

from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.item import Item
from onport_producers.imports.json_text import decoded
from onport_producers.imports.pieces import Line, lines_of


def read_json_lines(pieces: Iterable[bytes]) -> Iterator[Item]:
    """Yield the items of JSON Lines.

    Raises:
        UnreadableError: naming the line.
    """
    for line in lines_of(pieces):
        if text := line.text.strip():
            yield Item(line.number, _checked(text, line.number))


def holds_one_value(line: Line) -> bool:
    """Return whether a line is one JSON value: then the file is JSON Lines, not one document."""
    text = line.text.strip()
    try:
        return decoded(text, 0, line.number)[1] == len(text)
    except json.JSONDecodeError:
        return False


def _checked(text: str, line: int) -> bytes:
    try:
        end = decoded(text, 0, line)[1]
    except json.JSONDecodeError as error:
        raise UnreadableError(f"not JSON: {error.msg} at column {error.pos + 1}", line) from None
    if end != len(text):
        raise UnreadableError(f"not JSON: more than one value, from column {end + 1}", line)
    return text.encode()
