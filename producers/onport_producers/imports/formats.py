"""Which format a file has: by how it begins, else by its name."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from pathlib import PurePath

from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.shopify import is_shopify
from onport_producers.imports.woocommerce_columns import is_woocommerce


class Format(StrEnum):
    """What can be read."""

    JSON = "json"
    JSON_LINES = "jsonl"
    CSV = "csv"
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"

    @property
    def is_table(self) -> bool:
        """Whether it is rows below a header, of products."""
        return self not in (Format.JSON, Format.JSON_LINES)


_BY_EXTENSION = {".csv": Format.CSV, ".jsonl": Format.JSON_LINES, ".ndjson": Format.JSON_LINES}


def format_of_name(name: str) -> Format | None:
    """Return the format that a file's name tells; .gz at its end tells nothing."""
    return _BY_EXTENSION.get(PurePath(name.lower().removesuffix(".gz")).suffix)


def json_format(name: str, first: bytes) -> Format | None:
    """Return the kind of JSON a file is whose first byte that is no space is `first`, if it is any.

    JSON may still turn out to be JSON Lines: both begin with a brace.
    """
    by_name = format_of_name(name)
    if by_name is Format.CSV:
        return None
    if first == b"[":
        return Format.JSON
    return by_name or (Format.JSON if first == b"{" else None)


def table_format(name: str, header: Sequence[str], fields: Collection[str]) -> Format:
    """Return the format of a table with this header.

    Args:
        name: the file's name.
        header: its columns.
        fields: columns of which a CSV file that is no shop's export must have one, if its name does
            not say that it is CSV.

    Raises:
        UnreadableError: it is none that can be read.
    """
    if is_shopify(header):
        return Format.SHOPIFY
    if is_woocommerce(header):
        return Format.WOOCOMMERCE
    if format_of_name(name) is Format.CSV or any(field in header for field in fields):
        return Format.CSV
    raise UnreadableError(
        "begins like neither JSON nor CSV with one of the columns "
        f"{', '.join(fields)}; --format says what it is"
    )
