"""From an opened file to its items."""

import gzip
import itertools
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from onport_producers.imports.csv_rows import read_csv
from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.formats import Format, json_format, table_format
from onport_producers.imports.item import Entry, Item, Rejected
from onport_producers.imports.json_lines import holds_one_value, read_json_lines
from onport_producers.imports.json_window import read_array, read_documents
from onport_producers.imports.pieces import first_byte, lines_of, pieces_of
from onport_producers.imports.rules import Rules
from onport_producers.imports.shopify import read_shopify
from onport_producers.imports.source import Source
from onport_producers.imports.table import Table
from onport_producers.imports.woocommerce import read_woocommerce
from onport_queue.clock import SystemClock
from onport_queue.csv_settings import CsvSettings


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file turned out to be: its format, a table's header, and its entries, read as asked.

    The entries raise UnreadableError, naming file, line and field, where the rest of the file can't
    be read either.
    """

    format: Format
    header: Sequence[str]
    entries: Iterator[Entry]


def read_contents(source: Source, rules: Rules, declared: Format | None = None) -> Contents:
    """Read how a file begins, and return its contents; memory stays flat.

    Args:
        source: the file.
        rules: what else its reading depends on.
        declared: its format; else it is recognized.

    Raises:
        UnreadableError: naming file, line and field.
    """
    with _naming(source):
        found = _contents(source, rules, declared)
    return replace(found, entries=_named(source, found.entries))


def read_items(
    source: Source,
    *,
    keys: Sequence[str],
    declared: Format | None = None,
    csv: CsvSettings | None = None,
) -> Iterator[Item]:
    """Yield the items of a file up to the first that is none.

    Args:
        source: the file.
        keys: columns of a CSV file that may key a product.
        declared: its format; else it is recognized.
        csv: the settings of CSV files.

    Raises:
        UnreadableError: naming file, line and field. What was yielded before was sound.
    """
    rules = Rules(keys, SystemClock().wall().astimezone().date(), csv or CsvSettings())
    for entry in read_contents(source, rules, declared).entries:
        if isinstance(entry, Rejected):
            raise entry.fault
        yield entry


def _contents(source: Source, rules: Rules, declared: Format | None) -> Contents:
    first, pieces = first_byte(pieces_of(source.stream))
    if not first:
        raise UnreadableError("empty, expected JSON, JSON Lines or CSV")
    chosen = declared or json_format(source.name, first)
    match chosen:
        case Format.JSON_LINES:
            return Contents(chosen, (), read_json_lines(pieces))
        case Format.JSON:
            if first == b"[":
                return Contents(chosen, (), read_array(pieces))
            return _documents_or_lines(pieces)
    table = Table(pieces)
    # A mapping names the columns that matter; without one they are the fields.
    known = tuple(rules.csv.columns) or tuple(rules.keys)
    chosen = chosen or table_format(source.name, table.header, known)
    match chosen:
        case Format.SHOPIFY:
            entries = read_shopify(table, rules)
        case Format.WOOCOMMERCE:
            entries = read_woocommerce(table, rules)
        case _:
            entries = read_csv(table, rules)
    return Contents(chosen, table.header, entries)


def _named(source: Source, entries: Iterator[Entry]) -> Iterator[Entry]:
    with _naming(source):
        for entry in entries:
            if isinstance(entry, Rejected):
                yield replace(entry, fault=replace(entry.fault, source=source.name))
            else:
                yield entry


@contextmanager
def _naming(source: Source) -> Iterator[None]:
    """Name the file in what goes wrong with it."""
    try:
        yield
    except UnreadableError as error:
        raise replace(error, source=source.name) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(
            f"can't be unpacked: {error}; the file seems damaged", source=source.name
        ) from error
    except OSError as error:
        raise UnreadableError(
            f"can't be read: {error.strerror or error}", source=source.name
        ) from error
    except sqlite3.Error as error:
        raise UnreadableError(
            f"can't be read: rows can't be set aside in the temporary folder: {error}",
            source=source.name,
        ) from error


def _documents_or_lines(pieces: Iterator[bytes]) -> Contents:
    seen: list[bytes] = []

    def noted() -> Iterator[bytes]:
        for piece in pieces:
            seen.append(piece)
            yield piece

    first = next(line for line in lines_of(noted()) if line.raw.strip())
    every = itertools.chain(seen, pieces)
    if holds_one_value(first):
        return Contents(Format.JSON_LINES, (), read_json_lines(every))
    return Contents(Format.JSON, (), read_documents(every))
