"""onport-relay delivered: what Onport has accepted, to be compared with its own log."""

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from onport_queue.clock import SystemClock
from onport_queue.picture.text import local, printable
from onport_queue.replies import Delivery
from onport_worker.cli.channels import checked_channel
from onport_worker.cli.configuration import account_settings_of, opened_queue, with_broker
from onport_worker.cli.durations import duration

_LISTED = 50
_COLUMNS = ("kind", "channel", "key", "delivered_at", "status", "attempts")


def delivered(
    context: typer.Context,
    channel: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this custom channel.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only of the last 90s, 10m, 2h, 3d.")
    ] = None,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all as CSV, times in UTC.")] = False,
) -> None:
    """List what Onport has accepted: key, time, status and attempts, the newest last.

    Of each job the last delivery is known, for history_days (30). A variant counts as delivered
    when no wish about its links is left. Accepted is not imported: compare it with Onport's log.
    """
    within = None if since is None else duration("--since", since)
    if channel is not None:
        checked_channel(channel)
    settings = with_broker(account_settings_of(context, channel=channel))
    now = SystemClock().wall()
    earliest_ms = 0.0 if within is None else (now - within).timestamp() * 1000
    with opened_queue(settings) as queue:
        found = sorted(_matching(queue.delivered(), channel, earliest_ms), key=_age)
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(_row(one, _at(one).isoformat(timespec="milliseconds")) for one in found)
        return
    if not found:
        typer.echo("Nothing delivered.")
        return
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for one in found[-_LISTED:]:
        table.add_row(*map(printable, _row(one, local(_at(one), now))))
    Console(highlight=False, markup=False).print(table)
    if len(found) > _LISTED:
        typer.echo(f"The newest {_LISTED} of {len(found):,}: --csv prints all.")


def _matching(
    found: Iterator[Delivery], channel: str | None, earliest_ms: float
) -> Iterator[Delivery]:
    for one in found:
        if one.at_ms >= earliest_ms and channel in (None, one.key.split(":", 2)[1]):
            yield one


def _age(one: Delivery) -> tuple[int, str]:
    return one.at_ms, one.key


def _at(one: Delivery) -> datetime:
    return datetime.fromtimestamp(one.at_ms / 1000, tz=UTC)


def _row(one: Delivery, at: str) -> tuple[str, ...]:
    kind, channel, key = one.key.split(":", 2)
    return kind, channel, key, at, one.status, str(one.attempts)
