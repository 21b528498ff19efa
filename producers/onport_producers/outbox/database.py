"""Opening a shop's database for a pump. Its password is never shown."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
)

from onport_producers.outbox.errors import DatabaseUnavailableError, OutboxError
from onport_producers.outbox.table import DIALECTS, TABLE, ddl

PASSING = (OperationalError, InterfaceError, InternalError)
"""What a database may answer that is away, busy or being failed over."""

_EXPECTED = (
    "expected postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///PATH "
    "(in a password, write @ / : # and % as %40 %2F %3A %23 and %25)"
)


def open_database(dsn: str) -> Engine:
    """Return an engine for a pump. Nothing is asked yet.

    Raises:
        OutboxError: the address is none, or its driver is not installed. Never with the address.
    """
    url = _parsed(dsn)
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, hide_parameters=True)
            event.listen(engine, "connect", _delete_securely)
            return engine
        # Each statement sees what is committed by then, whatever the database's default is.
        return create_engine(
            url, hide_parameters=True, pool_pre_ping=True, isolation_level="READ COMMITTED"
        )
    except ModuleNotFoundError as error:
        raise OutboxError(f"dsn: the driver {error.name} is not installed") from None
    except NoSuchModuleError:
        raise OutboxError(f"dsn: {url.drivername!r} is no driver; {_EXPECTED}") from None


def place_of(engine: Engine) -> str:
    """Return where a database is, without user and password."""
    url = engine.url
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{url.host or ''}{port}/{url.database or ''}"


def create(engine: Engine) -> bool:
    """Make the table; return whether it was not there.

    Raises:
        DatabaseUnavailableError: it can't be reached, or refuses.
    """
    with told(engine):
        if inspect(engine).has_table(TABLE):
            return False
        with engine.begin() as connection:
            for statement in ddl(engine.dialect.name).split(";\n"):
                if statement:
                    connection.execute(text(statement))
        return True


def check(engine: Engine) -> None:
    """Return if there is an outbox.

    Raises:
        OutboxError: there is none.
        DatabaseUnavailableError: the database can't be reached, or refuses.
    """
    with told(engine):
        is_there = inspect(engine).has_table(TABLE)
    if not is_there:
        raise OutboxError(
            f"database {place_of(engine)}: no table {TABLE}; `onport-relay outbox create` makes it"
        )


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """Say of the database's own errors which database it is.

    Raises:
        DatabaseUnavailableError: instead of them.
    """
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnavailableError(f"database {place_of(engine)}: {reason(error)}") from error


def reason(error: DBAPIError) -> str:
    """Return the first line of what a database says, which has no values."""
    lines = str(error.orig).splitlines()
    return lines[0] if lines else type(error.orig).__name__


def _parsed(dsn: str) -> URL:
    try:
        url = make_url(dsn)
    except (ArgumentError, ValueError):
        # Their texts may have a part of the password.
        raise OutboxError(f"dsn: {_EXPECTED}") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    backend = url.drivername.partition("+")[0]
    if backend not in DIALECTS:
        raise OutboxError(f"dsn: {backend!r} is not supported; {_EXPECTED}")
    # An @ of the password is taken for the one behind it, and its rest for host and database.
    if backend != "sqlite" and dsn.count("@") > 1:
        raise OutboxError(f"dsn: more than one @; {_EXPECTED}")
    return url


def _delete_securely(connection: sqlite3.Connection, _record: object) -> None:
    # Payloads are personal data: what was removed does not stay in the file.
    connection.execute("PRAGMA secure_delete = ON")
