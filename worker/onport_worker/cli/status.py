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
from onport_worker.cli.exits import GOOD, OFF
from onport_worker.cli.report import lines, streams


def status(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show lanes, rate, pauses, the ledger, what happened, and when all should be delivered.

    Of each account, one after the other; with --json an object a line.

    Exits 1 if the ledger does not balance, which is a defect of the relay, please report it; and
    if the broker came back without its data, until `accept-loss`.
    """
    is_off = False
    for place, account in enumerate(all_account_settings_of(context)):
        settings = with_broker(account)
        with opened_queue(settings) as queue:
            stats = queue.stats()
        if place and not as_json:
            typer.echo()
        _tell(stats, settings, as_json=as_json)
        is_off = is_off or stats.imbalance != 0 or stats.emptied_ms is not None
    raise typer.Exit(OFF if is_off else GOOD)


def _tell(stats: Stats, settings: Settings, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(picture_of(stats, settings)))
        return
    for line in lines(stats, settings, SystemClock().wall()):
        typer.echo(line)
    if stats.streams:
        Console(highlight=False).print(streams(stats))
