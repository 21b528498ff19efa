"""onport-relay status: what the queue holds, how fast it drains, and whether the books balance."""

import json
from typing import Annotated

import typer
from rich.console import Console

from onport_queue.clock import SystemClock
from onport_queue.ledger import Stats
from onport_queue.picture import picture_of
from onport_queue.settings import Settings
from onport_worker.cli.configuration import all_account_settings_of, opened_queue, with_broker
from onport_worker.cli.durations import duration
from onport_worker.cli.exits import GOOD, OFF, UsageError
from onport_worker.cli.report import lines, streams
from onport_worker.cli.watch.loop import watch_until_stopped
from onport_worker.cli.watch.sight import Watch
from onport_worker.runtime import broker_url


def status(
    context: typer.Context,
    every: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="With --watch: between two looks; 1s."),
    ] = None,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on showing it, live on a terminal, until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show lanes, rate, pauses, the ledger, what happened, and when all should be delivered.

    Of each account, one after the other; with --json an object a line. With --watch it goes on
    also while the broker is away; where no terminal is, it prints all of it at each look.

    Ages leave out the time in which the broker was away, or nobody looked at it.

    Exit code 1: the broker is away; or it came back without its data, until `accept-loss`; or the
    ledger does not balance, which is a defect of the relay, please report it. 2: asked wrongly, or
    a fault in the settings. Else 0, also with pauses, an outage, dead letters or no worker, which
    `doctor` weighs. With --watch: as it was at the end.
    """
    accounts = all_account_settings_of(context)
    if every is not None and not watch:
        raise UsageError("--every: only with --watch")
    if watch:
        raise typer.Exit(OFF if _watched(accounts, every or "1s", as_json=as_json) else GOOD)
    is_off = False
    for place, account in enumerate(accounts):
        settings = with_broker(account)
        with opened_queue(settings) as queue:
            stats = queue.stats()
        if place and not as_json:
            typer.echo()
        _tell(stats, settings, as_json=as_json)
        is_off = is_off or stats.imbalance != 0 or stats.emptied_ms is not None
    raise typer.Exit(OFF if is_off else GOOD)


def _watched(accounts: tuple[Settings, ...], every: str, *, as_json: bool) -> bool:
    """Watch until stopped; return whether something was off at the end."""
    lasting, clock = duration("--every", every), SystemClock()
    first = accounts[0]
    with_broker(first)  # says at once if none is named
    watch = Watch(accounts, lambda: broker_url(with_broker(first)), clock)
    try:
        watch_until_stopped(watch, lasting, clock, as_json=as_json)
    except KeyboardInterrupt:
        pass  # told twice
    finally:
        watch.close()
    return watch.is_off


def _tell(stats: Stats, settings: Settings, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(picture_of(stats, settings)))
        return
    for line in lines(stats, settings, SystemClock().wall()):
        typer.echo(line)
    if stats.streams:
        Console(highlight=False).print(streams(stats))
