"""onport-relay outbox: from the shop's own database into the queue."""

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from onport_producers.broker_memory import BrokerMemory
from onport_producers.handover import Handover
from onport_producers.outbox import Contents, HandoverOf, Pump, Pumped, ddl, open_database, place_of
from onport_producers.outbox.database import check, told
from onport_producers.outbox.database import create as create_table
from onport_producers.outbox.rows import contents, now_ms, readmit
from onport_producers.wakeup import CeleryWaker
from onport_queue.broker import connect, unreachable
from onport_queue.clock import SystemClock
from onport_queue.durations import spoken
from onport_queue.picture.text import counted, printable
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_worker.cli.addresses import place_of as broker_place
from onport_worker.cli.configuration import settings_of, with_broker
from onport_worker.cli.exits import GOOD, OFF, tell
from onport_worker.logs import configure
from onport_worker.runtime import broker_url
from onport_worker.stopping import Stopping

app = typer.Typer(
    name="outbox",
    no_args_is_help=True,
    help="Move what a shop commits to its own database into the queue.",
)
_PUT_BOUND_S = 2.0
_NOTABLE_SKEW_S = 1.0

Dsn = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="ONPORT_RELAY_OUTBOX_DSN",
        show_envvar=True,
        help="The shop's database: postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///PATH. "
        "With a password better in the environment, where other users can't see it.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class Database(StrEnum):
    """What an outbox may stand in."""

    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


@app.command()
def pump(
    context: typer.Context,
    dsn: Dsn,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Hand over what is there, then exit.")
    ] = False,
    refused: Annotated[
        bool, typer.Option("--refused", help="First let in again what had been set aside.")
    ] = False,
) -> None:
    """Hand over committed rows to the queue, until Ctrl-C or TERM.

    A row is deleted once Redis has it. Killed at any moment, nothing is lost, and what is handed
    over again is known by its put id; any number of pumps may run. While Redis or the database is
    away it waits and goes on.

    Ctrl-C or TERM: the batch at hand is finished; exits 0. With --once: exits 1 if Redis is away or
    if it refused something for good; that is set aside, and the others go on.
    """
    settings = with_broker(settings_of(context))
    configure(settings, "outbox")
    engine = open_database(dsn)
    check(engine)
    with connect(broker_url(settings), timeout_s=_PUT_BOUND_S, retries=0) as redis:
        if refused:
            with told(engine), engine.begin() as connection:
                readmit(connection)
        _warn_of_skew(engine, redis)
        with Stopping() as stopping:
            pumped = _pumped(engine, redis, settings, stopping, once=once)
        if pumped.error is not None:
            tell(f"{unreachable(redis, pumped.error)}; pump again when it is back")
    left = _contents(engine)
    typer.echo(f"Handed over: {counted(pumped.rows, 'row')}, {left.rows:,} left.")
    _tell_refused(left)
    is_off = once and (pumped.error is not None or left.refused)
    raise typer.Exit(OFF if is_off else GOOD)


@app.command()
def create(dsn: Dsn) -> None:
    """Make the outbox's table, if it is not there."""
    engine = open_database(dsn)
    done = "made" if create_table(engine) else "was there"
    typer.echo(f"Table    {done}, in {place_of(engine)}")


@app.command("ddl")
def show_ddl(
    database: Annotated[Database, typer.Argument(help="Of which database.")],
) -> None:
    """Print the statements that make the table, for your own migrations."""
    typer.echo(ddl(database.value), nl=False)


@app.command()
def status(dsn: Dsn, *, as_json: Json = False) -> None:
    """Show what waits to be handed over, since when, and what was set aside. Needs no Redis."""
    engine = open_database(dsn)
    check(engine)
    found = _contents(engine)
    if as_json:
        typer.echo(json.dumps({"outbox": place_of(engine)} | asdict(found)))
        return
    typer.echo(f"Outbox   {place_of(engine)}")
    typer.echo(f"Holds    {_holds(found)}")
    _tell_refused(found)


def _pumped(
    engine: Engine, redis: Redis, settings: Settings, stopping: Stopping, *, once: bool
) -> Pumped:
    pump = Pump(engine, _handover_of(redis, settings), SystemClock())
    if once:
        with told(engine):
            return pump.empty(lambda: stopping.asked)
    typer.echo(f"Pumping  {place_of(engine)} to {broker_place(redis)}. Ctrl-C stops.")
    return pump.run(lambda: stopping.asked)


def _handover_of(redis: Redis, settings: Settings) -> HandoverOf:
    clock, waker = SystemClock(), CeleryWaker(broker_url(settings))
    queues = (Queue.of(redis, settings.for_account(name)) for name in settings.account_names)
    handovers = {
        queue.account: Handover(queue, waker, BrokerMemory(clock), clock) for queue in queues
    }
    return lambda channel: handovers[settings.account_of(channel)]


def _warn_of_skew(engine: Engine, redis: Redis) -> None:
    try:
        seconds, microseconds = redis.time()
    except RedisError:
        return  # it is away, which the pump tells itself
    with told(engine), engine.connect() as connection:
        skew_s = now_ms(connection) / 1000 - seconds - microseconds / 1e6
    if abs(skew_s) > _NOTABLE_SKEW_S:
        which = "ahead of" if skew_s > 0 else "behind"
        tell(
            f"the database's clock is {spoken(abs(skew_s))} {which} Redis's: jobs without a "
            "version may be taken for newer or older than those that a producer puts"
        )


def _contents(engine: Engine) -> Contents:
    with told(engine), engine.connect() as connection:
        return contents(connection)


def _holds(found: Contents) -> str:
    if found.oldest_s is None:
        return "nothing"
    return f"{counted(found.rows, 'row')}, the oldest since {spoken(found.oldest_s)}"


def _tell_refused(found: Contents) -> None:
    for refused in found.refused:
        typer.echo(
            f"Refused  row {refused.place}, {printable(refused.key)}: {printable(refused.reason)}"
        )
    if more := found.refused_rows - len(found.refused):
        typer.echo(f"Refused  {more:,} more")
