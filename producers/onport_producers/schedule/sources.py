"""What a schedule's source holds, as items."""

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import cast

from onport_producers.imports import Item, UnreadableError, open_source, read_items
from onport_producers.schedule.errors import SourceError
from onport_queue.csv_settings import CsvSettings
from onport_queue.jobs import Payload
from onport_queue.schedule import Schedule, ScheduleKind

LINKS = frozenset({ScheduleKind.ACKNOWLEDGE, ScheduleKind.DISCONNECT})
LINK_COLUMNS = ("vendorSku", "dropshipProviderExternalId", "dropshipProviderId")
"""Of a CSV file of variant links, beside `sku`; a row is one link."""

Function = Callable[[], Iterable[Payload]]


def check_source(schedule: Schedule) -> None:
    """Raise SourceError if there is no such folder or function; imports the function's module."""
    if schedule.function is not None:
        found_function(schedule)
        return
    folder = Path(schedule.source).parent
    if not folder.is_dir():
        raise SourceError(f"{folder.absolute()}: no such folder")


def found_function(schedule: Schedule) -> Function:
    """Return the function that a schedule names.

    Raises:
        SourceError: saying what is missing, or what its module raised.
    """
    module, name = schedule.function or ("", "")
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{schedule.source}: no module {error.name}; expected one that the worker can import"
        ) from error
    except Exception as error:  # the shop's module may raise anything
        raise SourceError(f"{schedule.source}: can't be imported: {place_of(error)}") from error
    found = getattr(imported, name, None)
    if not callable(found):
        raise SourceError(f"{schedule.source}: no function {name} in {module}")
    return cast("Function", found)


def items_of_file(
    file: Path, kind: ScheduleKind, keys: Sequence[str], csv: CsvSettings | None = None
) -> Iterator[Item]:
    """Yield the items of one file; CSV files of products are read as the settings say.

    Raises:
        UnreadableError: naming line and field. What was yielded before was sound.
    """
    is_csv = file.suffix.lower() == ".csv"
    if is_csv and kind in (ScheduleKind.SALE, ScheduleKind.SALE_UPDATE):
        raise UnreadableError("CSV holds products and variant links only, expected JSON")
    with open_source(str(file)) as source:
        if not (is_csv and kind in LINKS):
            yield from read_items(source, keys=keys, csv=csv)
            return
        for item in read_items(source, keys=("sku",)):
            yield Item(item.line, _link(cast("dict[str, object]", item.payload), item.line))


def items_of_function(function: Function) -> Iterator[Item]:
    """Yield what a function yields, counted from 1."""
    for number, payload in enumerate(function(), start=1):
        yield Item(number, payload)


def place_of(error: BaseException) -> str:
    """Say what was raised and where; never its text, which may hold a payload."""
    trace, last = error.__traceback__, None
    while trace is not None:
        last, trace = trace, trace.tb_next
    if last is None:
        return type(error).__name__
    file = PurePath(last.tb_frame.f_code.co_filename).name
    return f"{type(error).__name__} at {file} line {last.tb_lineno}"


def _link(row: dict[str, object], line: int) -> dict[str, object]:
    for column in row:
        if column != "sku" and column not in LINK_COLUMNS:
            expected = ", ".join(("sku", *LINK_COLUMNS))
            raise UnreadableError(f"unknown column, expected {expected}", line, column)
    link = {column: row[column] for column in LINK_COLUMNS if row.get(column)}
    return {"sku": row["sku"], "vendorSkus": [link]}
