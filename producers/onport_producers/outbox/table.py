"""The outbox's table, for PostgreSQL and SQLite."""

from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement
from sqlalchemy.sql.functions import FunctionElement

from onport_producers.outbox.errors import OutboxError

TABLE = "onport_relay_outbox"
DIALECTS: dict[str, type[Dialect]] = {
    "postgresql": postgresql.dialect,
    "sqlite": sqlite.dialect,
}


class NowMs(FunctionElement[int]):
    """The database's time of day in ms: of the statement, not of the transaction."""

    type = BigInteger()
    inherit_cache = True


# Any: SQLAlchemy's compilers are untyped where they are extended.
@compiles(NowMs, "postgresql")
def _now_of_postgresql(*_: Any, **__: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


@compiles(NowMs, "sqlite")
def _now_of_sqlite(*_: Any, **__: Any) -> str:
    return "(CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))"


rows = Table(
    TABLE,
    MetaData(),
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("put_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("added_ms", BigInteger, nullable=False, server_default=NowMs()),
    Column("put", Text, nullable=False),
    Column("refused", Text),
    Index(f"{TABLE}_key", "key", "id"),
    # The number of a row that is gone must not come back: whoever had it would remove another.
    sqlite_autoincrement=True,
)


def ddl(dialect: str) -> str:
    """Return the statements that make the table, if it is not there.

    Args:
        dialect: ``postgresql`` or ``sqlite``, e.g. Django's `connection.vendor`.

    Raises:
        OutboxError: it is another one.
    """
    if dialect not in DIALECTS:
        raise OutboxError(f"database {dialect!r}: expected one of {', '.join(DIALECTS)}")
    making: tuple[ExecutableDDLElement, ...] = (
        CreateTable(rows, if_not_exists=True),
        *(CreateIndex(index, if_not_exists=True) for index in rows.indexes),
    )
    statements = (str(one.compile(dialect=DIALECTS[dialect]())).strip() for one in making)
    return "".join(f"{statement};\n" for statement in statements).replace(" \n", "\n")
