"""onport-relay pause, onport-relay resume: what is not sent for now."""

from datetime import timedelta
from typing import Annotated

import typer

from onport_queue.clock import SystemClock
from onport_queue.durations import spoken
from onport_queue.names import Kind, Lane
from onport_queue.picture.text import local, printable
from onport_queue.scopes import ACCOUNT, spoken_scope
from onport_worker.cli.configuration import account_settings_of, opened_queue, with_broker
from onport_worker.cli.durations import duration
from onport_worker.cli.scopes import scope_of


def pause(
    context: typer.Context,
    lane: Annotated[Lane | None, typer.Option(help="Only this lane.")] = None,
    channel: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this custom channel.")
    ] = None,
    term: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="90s, 10m, 2h, 3d; else until resumed."),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Shown by status.")] = "",
) -> None:
    """Send nothing for now: of a lane, of a channel, or of the whole account.

    In force with the next claim of any worker; what is on the wire is finished. Jobs are taken in
    as ever, and the time does not count towards their age. A pause that stands gets the new end
    and reason.
    """
    scope = scope_of(lane, channel)
    lasting = None if term is None else duration("--for", term)
    with opened_queue(with_broker(account_settings_of(context, channel=channel))) as queue:
        queue.pause(scope, None if lasting is None else lasting.total_seconds(), printable(reason))
    typer.echo(f"Paused: {spoken_scope(scope)}, {_until(lasting)}.")


def resume(
    context: typer.Context,
    lane: Annotated[Lane | None, typer.Option(help="Only this lane.")] = None,
    channel: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only this custom channel, and each of its kinds."),
    ] = None,
) -> None:
    """End pauses: of a lane, of a channel, or without options all of them.

    Also those that the relay began by itself: after a 429, in an outage, because a hash or an
    address was refused. If their cause still stands, the next answer begins them again.
    """
    scope = scope_of(lane, channel)
    with opened_queue(with_broker(account_settings_of(context, channel=channel))) as queue:
        ended = sum(queue.resume(each) for each in _resumed(scope, channel))
        left = queue.stats().pauses
    typer.echo(f"Resumed: {'1 pause' if ended == 1 else f'{ended:,} pauses'} ended.")
    for standing in left:
        typer.echo(f"Still paused: {printable(spoken_scope(standing.scope))}.")


def _until(lasting: timedelta | None) -> str:
    if lasting is None:
        return "until resumed"
    now = SystemClock().wall()
    return f"until {local(now + lasting, now)}, for {spoken(lasting.total_seconds())}"


def _resumed(scope: str, channel: str | None) -> list[str]:
    if channel is not None:
        return [scope, *(f"endpoint:{channel}:{kind}" for kind in Kind)]
    return ["" if scope == ACCOUNT else scope]
