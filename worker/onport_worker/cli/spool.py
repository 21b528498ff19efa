"""onport-relay spool: what this host's producers kept while Redis was away."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from onport_producers.broker_memory import BrokerMemory
from onport_producers.handover import Handover
from onport_producers.spool import Contents, Flushed, Spool, flush, turn_of
from onport_producers.wakeup import CeleryWaker
from onport_queue.broker import connect, unreachable
from onport_queue.clock import SystemClock
from onport_queue.store import Queue
from onport_worker.cli.configuration import settings_of, with_broker
from onport_worker.cli.durations import spoken
from onport_worker.cli.exits import GOOD, OFF, printable, tell
from onport_worker.runtime import broker_url

app = typer.Typer(
    name="spool",
    no_args_is_help=True,
    help="See and flush what this host's producers kept while Redis was away.",
)
_TURN_S = 0.2

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("flush")
def flush_now(
    context: typer.Context,
    *,
    refused: Annotated[
        bool, typer.Option("--refused", help="Also what Redis had refused and was set aside.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Hand over to Redis what the spool holds, in order, until it is empty.

    Producers do this by themselves as soon as Redis answers; this is for a host whose shop does not
    run. Safe to stop and to repeat. Exits 1 if Redis is away, with what remains, and if it refused
    something for good: that is set aside, and the others go on.
    """
    settings = with_broker(settings_of(context))
    spool = Spool.of(settings, SystemClock())
    if refused:
        spool.readmit()
    before = spool.contents()
    with connect(broker_url(settings)) as redis:
        memory = BrokerMemory(SystemClock())
        memory.recall(0.0, spool.fact("epoch") or "")
        waker = CeleryWaker(broker_url(settings))
        handover = Handover(Queue.of(redis, settings), waker, memory, SystemClock())
        flushed = _flushed(spool, handover, before) if before.puts else Flushed()
        if flushed.error is not None:
            tell(f"{unreachable(redis, flushed.error)}; flush again when it is back")
    left = spool.contents()
    if as_json:
        typer.echo(json.dumps({"flushed": flushed.puts, "jobs": flushed.jobs} | asdict(left)))
    else:
        remain = f"{left.puts:,} remain" if left.puts else "none remain"
        typer.echo(f"Flushed: {flushed.puts:,} puts with {flushed.jobs:,} jobs, {remain}.")
        _tell_refused(left)
    raise typer.Exit(OFF if flushed.error is not None or left.refused else GOOD)


@app.command()
def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Show where the spool is and what it holds. Needs no Redis."""
    settings = settings_of(context)
    spool = Spool.of(settings, SystemClock())
    contents = spool.contents()
    if as_json:
        typer.echo(json.dumps({"path": str(spool.path)} | asdict(contents)))
        return
    typer.echo(f"Spool    {spool.path}, {contents.file_bytes / 1e6:.1f} of {settings.spool_mb} MB")
    typer.echo(f"Holds    {holds(contents)}")
    _tell_refused(contents)


def holds(contents: Contents) -> str:
    """Say how much waits, and since when."""
    if contents.oldest_s is None:
        return "nothing"
    age_s = SystemClock().wall().timestamp() - contents.oldest_s
    return f"{contents.puts:,} puts with {contents.jobs:,} jobs, the oldest since {spoken(age_s)}"


def _flushed(spool: Spool, handover: Handover, before: Contents) -> Flushed:
    clock, never = SystemClock(), threading.Event()
    with _progress(before.puts) as progress:
        while spool.is_holding():
            with turn_of(spool.path) as is_ours:
                if is_ours:
                    return flush(spool, handover, lambda done: progress(done.puts))
            # A producer of this host is at it.
            clock.wait(never, _TURN_S)
    return Flushed()


@contextmanager
def _progress(puts: int) -> Iterator[Callable[[int], None]]:
    """Show how much is flushed, if somebody watches."""
    console = Console(stderr=True)
    columns = (TextColumn("flushed"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=puts)
        yield lambda done: bar.update(task, completed=done)


def _tell_refused(contents: Contents) -> None:
    for refused in contents.refused:
        typer.echo(
            f"Refused  put {refused.place}, {refused.jobs:,} jobs of {refused.kind}: "
            f"{printable(refused.reason)}"
        )
    if more := contents.refused_puts - len(contents.refused):
        typer.echo(f"Refused  {more:,} more")
