"""What is done with the rows of an outbox, each within the caller's transaction."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select, update

from onport_producers.kept import Entry
from onport_producers.outbox.table import NowMs, rows
from onport_producers.outbox.text import read
from onport_queue.log import Log

_log = Log(__name__)
_SHOWN = 100
_FETCHED = 10

_waits = rows.c.refused.is_(None)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that the broker refuses for good: it is set aside, with the reason."""

    place: int
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What an outbox holds: committed rows that wait, and what was set aside.

    Of those set aside `refused` has the first hundred, `refused_rows` is how many there are.
    """

    rows: int
    oldest_s: float | None
    refused_rows: int
    refused: tuple[Refused, ...]


def take(connection: Connection, most: int, *, most_bytes: int) -> list[Entry]:
    """Return committed rows, in order; until the transaction ends no other pump has their keys.

    Only who locks the first row of a key has the rows behind it, so that pumps share the work and
    none overtakes another within a key. A row that can't be read is set aside.

    Args:
        connection: in a transaction.
        most: how many rows at most.
        most_bytes: of what they hold, at which no more are read.
    """
    earlier = rows.alias("earlier")
    is_behind = exists().where(
        earlier.c.key == rows.c.key, earlier.c.id < rows.c.id, earlier.c.refused.is_(None)
    )
    # A database without SKIP LOCKED has no lock here: two pumps then do the same work, and the put
    # ids make one of them harmless.
    first_of_each = (
        select(rows.c.key)
        .where(_waits, ~is_behind)
        .order_by(rows.c.id)
        .limit(most)
        .with_for_update(of=rows, skip_locked=True)
    )
    while keys := connection.scalars(first_of_each).all():
        found = _read(connection, keys, most, most_bytes)
        if entries := [entry for row in found if (entry := _entry(connection, row))]:
            return entries
    return []


def remove(connection: Connection, places: Sequence[int]) -> None:
    """Delete rows that the queue has: no copy of a shopper's data stays."""
    if places:
        connection.execute(delete(rows).where(rows.c.id.in_(places)))


def set_aside(connection: Connection, place: int, reason: str) -> None:
    """Keep a row that can't be handed over, out of the way of the others."""
    _log.error("outbox_row_refused", place=place, reason=reason)
    connection.execute(update(rows).where(rows.c.id == place).values(refused=reason))


def readmit(connection: Connection) -> None:
    """Let what was set aside be handed over again, at its old place."""
    connection.execute(update(rows).where(~_waits).values(refused=None))


def now_ms(connection: Connection) -> int:
    """Return the database's time of day."""
    return connection.execute(select(NowMs())).scalar_one()


def contents(connection: Connection) -> Contents:
    """Return what there is, for an operator."""
    waiting = select(func.count(), NowMs() - func.min(rows.c.added_ms)).where(_waits)
    many, oldest_ms = connection.execute(waiting).one()
    aside = select(rows.c.id, rows.c.key, rows.c.refused).where(~_waits).order_by(rows.c.id)
    refused = connection.execute(aside.limit(_SHOWN)).all()
    refused_rows = connection.scalar(select(func.count()).where(~_waits))
    return Contents(
        rows=many,
        oldest_s=None if oldest_ms is None else max(0, oldest_ms) / 1000,
        refused_rows=refused_rows or 0,
        refused=tuple(Refused(*row) for row in refused),
    )


def _read(
    connection: Connection, keys: Sequence[str], most: int, most_bytes: int
) -> list[Any]:  # Any: rows are typed by their columns, differently in each minor release
    chosen = (
        select(rows.c.id, rows.c.put_id, rows.c.added_ms, rows.c.put)
        .where(rows.c.key.in_(keys), _waits)
        .order_by(rows.c.id)
        .limit(most)
        .execution_options(yield_per=_FETCHED)
    )
    found, read_bytes = [], 0
    with closing(connection.execute(chosen)) as result:
        for row in result:
            found.append(row)
            read_bytes += len(row.put)
            if read_bytes >= most_bytes:
                break
    return found


def _entry(connection: Connection, row: Any) -> Entry | None:
    try:
        return Entry(row.id, read(row.put, put_id=row.put_id, added_ms=row.added_ms))
    except (ValueError, TypeError, LookupError):
        set_aside(connection, row.id, "can't be read: not written by this release or an older one")
        return None
