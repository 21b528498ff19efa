"""onport-relay status: what the queue holds, how fast it drains, and whether the books balance."""

import json
from typing import Annotated

import typer
from rich.console import Console

from onport_queue.clock import SystemClock
from onport_queue.ledger import PauseStats, Stats
from onport_queue.names import Lane
from onport_queue.settings import Settings
from onport_worker.cli import events
from onport_worker.cli.configuration import all_account_settings_of, opened_queue, with_broker
from onport_worker.cli.exits import GOOD, OFF
from onport_worker.cli.forecast import drain_s, requests_left
from onport_worker.cli.rate import rates
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


def document(stats: Stats, settings: Settings) -> dict[str, object]:
    """Return the state for a script."""
    return {
        "account": settings.account,
        "emptied_ms": stats.emptied_ms,
        "lanes": {lane.value: {"pending": stats.pending_in(lane)} for lane in Lane},
        "streams": [stream.model_dump(mode="json") for stream in stats.streams],
        "rate": rates(stats, settings),
        "pauses": [_pause(pause) for pause in stats.pauses],
        "outage": stats.outage and stats.outage.model_dump(mode="json"),
        "sizes": [size.model_dump(mode="json") for size in stats.sizes],
        "pending": stats.pending,
        "in_flight": stats.in_flight,
        "waiting": stats.waiting,
        "delayed": stats.delayed,
        "dead": stats.dead,
        "next_due_ms": stats.next_due_ms,
        "workers": list(stats.workers),
        "ledger": stats.ledger.model_dump(mode="json"),
        "imbalance": stats.imbalance,
        "requests_left": requests_left(stats, settings),
        "expected_drain_s": round(drain_s(stats, settings), 3),
        "events": [events.document(event) for event in stats.events],
    }


def _tell(stats: Stats, settings: Settings, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(document(stats, settings)))
        return
    for line in lines(stats, settings, SystemClock().wall()):
        typer.echo(line)
    if stats.streams:
        Console(highlight=False).print(streams(stats))


def _pause(pause: PauseStats) -> dict[str, object]:
    is_probed = pause.cause == "refused"
    ends = pause.left_ms >= 0 and not is_probed
    return pause.model_dump(mode="json") | {
        "left_ms": pause.left_ms if ends else None,
        "next_probe_ms": pause.left_ms if is_probed else None,
    }
