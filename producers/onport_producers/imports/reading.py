"""From an opened file to its items."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from onport_producers.imports.csv_rows import read_csv
from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.formats import Format, recognized
from onport_producers.imports.item import Item
from onport_producers.imports.json_lines import holds_one_value, read_json_lines
from onport_producers.imports.json_window import read_array, read_documents
from onport_producers.imports.pieces import first_byte, lines_of, pieces_of
from onport_producers.imports.source import Source


def read_items(
    source: Source, *, keys: Sequence[str], declared: Format | None = None
) -> Iterator[Item]:
    """Yield the items of a file, one at a time; memory stays flat.

    Args:
        source: the file.
        keys: columns of a CSV file that may key a product.
        declared: its format; else it is recognized.

    Raises:
        UnreadableError: naming file, line and field. What was yielded before was sound.
    """
    try:
        yield from _items(source, keys, declared)
    except UnreadableError as error:
        raise replace(error, source=source.name) from None
    except OSError as error:
        raise UnreadableError(
            f"can't be read: {error.strerror or error}", source=source.name
        ) from error


def _items(source: Source, keys: Sequence[str], declared: Format | None) -> Iterator[Item]:
    first, pieces = first_byte(pieces_of(source.stream))
    if not first:
        raise UnreadableError("empty, expected JSON, JSON Lines or CSV")
    match declared or recognized(source.name, first):
        case Format.CSV:
            return read_csv(pieces, keys=keys)
        case Format.JSON_LINES:
            return read_json_lines(pieces)
        case Format.JSON:
            return read_array(pieces) if first == b"[" else _documents_or_lines(pieces)


def _documents_or_lines(pieces: Iterator[bytes]) -> Iterator[Item]:
    seen: list[bytes] = []

    def noted() -> Iterator[bytes]:
        for piece in pieces:
            seen.append(piece)
            yield piece

    first = next(line for line in lines_of(noted()) if line.raw.strip())
    every = itertools.chain(seen, pieces)
    return read_json_lines(every) if holds_one_value(first) else read_documents(every)
