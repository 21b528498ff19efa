"""CSV of products: a header, then a product a row."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from onport_producers.imports.cells import BOOLEANS, NUMBERS, boolean, listed, number
from onport_producers.imports.errors import UnreadableError
from onport_producers.imports.item import Entry, Item, Rejected, Rows
from onport_producers.imports.rules import Rules
from onport_producers.imports.table import Row, Table
from onport_queue.csv_settings import CsvColumn, CsvSettings


class _Column(NamedTuple):
    """A column that becomes a field; an empty cell is left out unless it is text as it stands."""

    place: int
    name: str
    field: str
    read: Callable[[str, int, str], object] | None


def read_csv(table: Table, rules: Rules) -> Iterator[Entry]:
    """Yield the rows as products.

    Every column becomes a text field, but for the documented numbers and booleans, whose empty
    cells are left out; with a mapping in the settings, those that it names, as it says.

    Raises:
        UnreadableError: about the header, naming the column.
    """
    columns = tuple(_columns(table, rules.csv))
    keys = _keys(table, columns, rules.keys)
    for row in table.rows():
        try:
            yield Item(row.line, _product(row, columns, keys), Rows((row.cells,)))
        except UnreadableError as fault:
            yield Rejected(fault, Rows((row.cells,)))


def _product(row: Row, columns: Sequence[_Column], keys: Sequence[_Column]) -> dict[str, object]:
    if row.fault is not None:
        raise row.fault
    cells = row.cells
    if not any(cells[key.place].strip() for key in keys):
        raise UnreadableError("empty, expected the product's key", row.line, keys[0].name)
    product: dict[str, object] = {}
    for place, name, field, read in columns:
        cell = cells[place]
        if read is None:
            product[field] = cell
        elif cell.strip():
            product[field] = read(cell, row.line, name)
    return product


def _columns(table: Table, settings: CsvSettings) -> Iterator[_Column]:
    header = table.header
    if not settings.columns:
        _check_header(header, table.line)
    mapped = settings.columns or {name: CsvColumn(field=name) for name in header}
    for name, column in mapped.items():
        if header.count(name) != 1:
            many = "no column of this name" if name not in header else "two columns of this name"
            raise UnreadableError(
                f"{many} in the header, while [csv.columns] makes it {column.field} "
                f"(columns: {_shown(header)})",
                table.line,
                name,
            )
        yield _Column(header.index(name), name, column.field, _reader(column, settings.decimal))


def _reader(column: CsvColumn, decimal: str) -> Callable[[str, int, str], object] | None:
    match column.type or _documented(column.field):
        case "number":
            return lambda cell, line, name: number(cell, line, name, decimal=decimal)
        case "boolean":
            return boolean
        case "list":
            return lambda cell, line, name: listed(cell)  # noqa: ARG005 - can't be wrong
        case _:
            return None


def _documented(field: str) -> str:
    if field in NUMBERS:
        return "number"
    return "boolean" if field in BOOLEANS else "text"


def _check_header(header: Sequence[str], line: int) -> None:
    for number_of, column in enumerate(header, 1):
        if not column.strip():
            raise UnreadableError(f"column {number_of} has no name in the header", line)
        if column in header[: number_of - 1]:
            raise UnreadableError("two columns of this name in the header", line, column)


def _keys(table: Table, columns: Sequence[_Column], keys: Sequence[str]) -> Sequence[_Column]:
    present = [column for key in keys for column in columns if column.field == key]
    if not present:
        raise UnreadableError(
            f"no column {' or '.join(keys)} to key a product by (columns: {_shown(table.header)})",
            table.line,
        )
    return present


def _shown(header: Sequence[str]) -> str:
    return ", ".join(header)[:200]
