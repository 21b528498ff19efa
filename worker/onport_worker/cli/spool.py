"""onport-relay spool: what this host's producers kept while Redis was away."""

import json
import sys
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
from onport_queue.durations import spoken
from onport_queue.names import DEFAULT_ACCOUNT
from onport_queue.picture.text import counted, printable
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_worker.cli.configuration import all_account_settings_of, settings_of, with_broker
from onport_worker.cli.exits import GOOD, OFF, UsageError, tell
from onport_worker.logs import configure
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
    is_off = False
    configure(settings_of(context), "spool")
    for account in all_account_settings_of(context):
        settings = with_broker(account)
        spool = Spool.of(settings, SystemClock())
        if refused:
            spool.readmit()
        flushed = _flushed(settings, spool)
        left = spool.contents()
        if as_json:
            told = {"account": settings.account, "flushed": flushed.puts, "jobs": flushed.jobs}
            typer.echo(json.dumps(told | asdict(left)))
        else:
            remain = f"{left.puts:,} left" if left.puts else "none left"
            many = f"{counted(flushed.puts, 'put')} with {counted(flushed.jobs, 'job')}"
            typer.echo(f"Flushed: {many}, {remain}{_for_account(settings)}.")
            _tell_refused(left)
        is_off = is_off or flushed.error is not None or left.refused_puts > 0
    raise typer.Exit(OFF if is_off else GOOD)


@app.command()
def discard(
    context: typer.Context,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop for good what Redis had refused and was set aside; asks before it does.

    Its jobs are not delivered; what waits is not touched. `spool flush --refused` tries them again.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError("discard: asks before it drops anything; expected a terminal, or --yes")
    for settings in all_account_settings_of(context):
        spool = Spool.of(settings, SystemClock())
        contents = spool.contents()
        _tell_refused(contents)
        puts = f"{counted(contents.refused_puts, 'put')}{_for_account(settings)}"
        if not contents.refused_puts or yes or typer.confirm(f"Discard {puts}?", err=True):
            spool.discard_refused(contents.refused_puts)
            typer.echo(f"Discarded: {puts}.")


@app.command()
def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Show where the spool is and what it holds. Needs no Redis."""
    for settings in all_account_settings_of(context):
        spool = Spool.of(settings, SystemClock())
        contents = spool.contents()
        if as_json:
            told = {"account": settings.account, "path": str(spool.path)}
            typer.echo(json.dumps(told | asdict(contents)))
            continue
        size = f"{contents.file_bytes / 1e6:.1f} of {settings.spool_mb} MB"
        typer.echo(f"Spool    {spool.path}, {size}")
        typer.echo(f"Holds    {holds(contents)}{_for_account(settings)}")
        _tell_refused(contents)


def holds(contents: Contents) -> str:
    """Say how much waits, and since when."""
    if contents.oldest_s is None:
        return "nothing"
    age_s = SystemClock().wall().timestamp() - contents.oldest_s
    puts, jobs = counted(contents.puts, "put"), counted(contents.jobs, "job")
    return f"{puts} with {jobs}, the oldest since {spoken(age_s)}"


def _for_account(settings: Settings) -> str:
    is_only = settings.account == DEFAULT_ACCOUNT
    return "" if is_only else f" for account {settings.account}"


def _flushed(settings: Settings, spool: Spool) -> Flushed:
    before = spool.contents()
    if not before.puts:
        return Flushed()
    clock, never = SystemClock(), threading.Event()
    with connect(broker_url(settings)) as redis, _progress(before.puts) as progress:
        memory = BrokerMemory(clock)
        memory.recall(0.0, spool.fact("epoch") or "")
        waker = CeleryWaker(broker_url(settings))
        handover = Handover(Queue.of(redis, settings), waker, memory, clock)
        while spool.is_holding():
            with turn_of(spool.path) as is_ours:
                if is_ours:
                    flushed = flush(spool, handover, lambda done: progress(done.puts))
                    if flushed.error is not None:
                        tell(f"{unreachable(redis, flushed.error)}; flush again when it is back")
                    return flushed
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
            f"Refused  put {refused.place}, {counted(refused.jobs, 'job')} of {refused.kind}: "
            f"{printable(refused.reason)}"
        )
    if more := contents.refused_puts - len(contents.refused):
        typer.echo(f"Refused  {more:,} more")
