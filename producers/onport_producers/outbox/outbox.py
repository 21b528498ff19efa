"""What a shop calls within its own transaction."""

from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection, insert
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session, scoped_session

from onport_producers.outbox.draft import drafted
from onport_producers.outbox.jobs import OutboxJob
from onport_producers.outbox.table import TABLE, rows
from onport_producers.outbox.text import written
from onport_queue.names import job_key
from onport_queue.settings import Settings, load_settings

Transaction: TypeAlias = Session | scoped_session[Session] | Connection
"""Where a shop's statements go."""


@dataclass(frozen=True, slots=True)
class Added:
    """A job stands in the outbox, if the transaction is committed.

    Attributes:
        id: the job, e.g. ``sale:default:1001``.
        warnings: what is odd about the payload.
    """

    id: str
    warnings: tuple[str, ...]


class Outbox:
    """Adds jobs to the outbox in the shop's own transaction. Thread-safe.

    Both methods check the job as a `Producer` does, and raise InvalidJobError, naming the field, if
    it can't be keyed or is not of a documented JSON type.

    Args:
        settings: `validation`, `product_key` and the channels; by default those of the environment
            and relay.toml. No broker is needed.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or load_settings()

    def add(self, transaction: Transaction, job: OutboxJob) -> Added:
        """Add a job to a transaction that the caller begins and ends.

        A session is flushed first, so that the order's own row is locked before the job has its
        place: transactions that change one order then have their jobs in the order of their
        changes.
        """
        values, added = self._row(job)
        if not isinstance(transaction, Connection):
            transaction.flush()
        try:
            transaction.execute(insert(rows).values(values).inline())
        except StatementError as error:
            error.hide_parameters = True  # a payload is personal data, and the error's text has it
            raise
        return added

    def statement(self, job: OutboxJob) -> tuple[str, tuple[str, ...]]:
        """Return the INSERT of a job and its values, for whoever has no SQLAlchemy connection.

        It has ``%s`` where values go, as cursors of Django and of psycopg take it.
        """
        values, _ = self._row(job)
        places = ", ".join(["%s"] * len(values))
        return f"INSERT INTO {TABLE} ({', '.join(values)}) VALUES ({places})", (*values.values(),)  # noqa: S608 - names of ours

    def _row(self, job: OutboxJob) -> tuple[dict[str, str], Added]:
        batch, warnings = drafted(job, self._settings)
        key = job_key(batch.kind, batch.channel, batch.jobs[0].key)
        values = {"put_id": batch.put_id.hex(), "key": key, "put": written(batch)}
        return values, Added(key, warnings)
