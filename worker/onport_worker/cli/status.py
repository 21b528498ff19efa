"""onport-relay status: what the queue holds, how fast it drains, and whether the books balance."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from onport_queue.ledger import PauseStats, Stats
from onport_queue.names import Kind, Lane
from onport_queue.settings import Settings
from onport_worker.cli.configuration import opened_broker, queue_of, settings_of, with_broker
from onport_worker.cli.durations import spoken
from onport_worker.cli.exits import GOOD, OFF, printable


def status(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show lanes, streams, rate, pauses, the ledger, and when everything should be delivered.

    Exits 1 if the ledger does not balance: that is a defect of the relay, please report it.
    """
    settings = with_broker(settings_of(context))
    with opened_broker(settings) as redis:
        stats = queue_of(redis, settings).stats()
    if as_json:
        typer.echo(json.dumps(document(stats, settings)))
    else:
        for line in _lines(stats, settings):
            typer.echo(line)
        if stats.streams:
            Console(highlight=False).print(_streams(stats))
    raise typer.Exit(OFF if stats.imbalance else GOOD)


def document(stats: Stats, settings: Settings) -> dict[str, object]:
    """Return the state for a script."""
    return {
        "account": settings.account,
        "lanes": {lane.value: {"pending": stats.pending_in(lane)} for lane in Lane},
        "streams": [stream.model_dump(mode="json") for stream in stats.streams],
        "rate": {
            "configured": settings.rate,
            "lowered_to": stats.rate,
            "allowed": _rate(stats, settings),
        },
        "pauses": [
            pause.model_dump(mode="json")
            | {"left_ms": None if pause.left_ms < 0 else pause.left_ms}
            for pause in stats.pauses
        ],
        "pending": stats.pending,
        "in_flight": stats.in_flight,
        "waiting": stats.waiting,
        "delayed": stats.delayed,
        "dead": stats.dead,
        "next_due_ms": stats.next_due_ms,
        "workers": list(stats.workers),
        "ledger": stats.ledger.model_dump(mode="json"),
        "imbalance": stats.imbalance,
        "requests_left": _requests_left(stats, settings),
        "expected_drain_s": round(_drain_s(stats, settings), 3),
    }


def _rate(stats: Stats, settings: Settings) -> float:
    return settings.rate if stats.rate is None else min(stats.rate, settings.rate)


def _requests_left(stats: Stats, settings: Settings) -> int:
    batch_items: Mapping[Kind, int] = {
        kind: 1 if kind is Kind.SALE else settings.batch_items for kind in Kind
    }
    return stats.requests_left(batch_items)


def _drain_s(stats: Stats, settings: Settings) -> float:
    return _requests_left(stats, settings) / _rate(stats, settings)


def _lines(stats: Stats, settings: Settings) -> Iterator[str]:
    lowered = "" if stats.rate is None else f", lowered to {_rate(stats, settings):g}"
    yield f"Account    {settings.account}: at most {settings.rate:g} requests/s{lowered}"
    yield f"Workers    {len(stats.workers) or 'none'} at work"
    pending = ", ".join(f"{stats.pending_in(lane):,} {lane}" for lane in Lane)
    due = "" if stats.next_due_ms is None else f" (the next in {spoken(stats.next_due_ms / 1000)})"
    yield f"Pending    {pending}"
    yield f"In flight  {stats.in_flight:,} jobs in {stats.flights:,} requests"
    yield f"Waiting    {stats.waiting:,} for the outcome of an earlier one of their key"
    yield f"Delayed    {stats.delayed:,} until their next attempt{due}"
    yield f"Dead       {stats.dead:,} given up"
    for pause in stats.pauses:
        yield f"Paused     {_pause(pause)}"
    yield f"Drain      {_drain(stats, settings)}"
    yield f"Ledger     {_ledger(stats)}"
    wrong = "" if stats.imbalance == 0 else ": a defect of the relay, please report it"
    yield f"Imbalance  {stats.imbalance:,}{wrong}"


def _pause(pause: PauseStats) -> str:
    left = "until resumed" if pause.left_ms < 0 else f"{spoken(pause.left_ms / 1000)} left"
    since = spoken(pause.since_ms / 1000)
    return printable(f"{pause.scope}: {pause.reason or 'no reason given'} ({left}, since {since})")


def _drain(stats: Stats, settings: Settings) -> str:
    requests = _requests_left(stats, settings)
    if requests == 0:
        return "nothing is pending"
    paused = ", not counting pauses" if stats.pauses else ""
    return f"{requests:,} requests left: about {spoken(_drain_s(stats, settings))}{paused}"


def _ledger(stats: Stats) -> str:
    counts = stats.ledger.model_dump().items()
    return ", ".join(
        f"{count:,} {name}" for name, count in counts if count or name in ("accepted", "delivered")
    )


def _streams(stats: Stats) -> Table:
    table = Table("lane", "channel", "kind", "pending", "oldest", box=None, pad_edge=False)
    for stream in stats.streams:
        age = spoken(stream.oldest_ms / 1000)
        table.add_row(stream.lane, stream.channel, stream.kind, f"{stream.pending:,}", age)
    return table
