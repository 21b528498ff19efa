"""onport-relay forget: erase one job, for good."""

import sys
from typing import Annotated

import typer

from onport_queue.jobs import product_keys
from onport_queue.names import DEFAULT_CHANNEL, Kind, job_key
from onport_worker.cli.channels import checked_channel
from onport_worker.cli.configuration import account_settings_of, opened_queue, with_broker
from onport_worker.cli.exits import OFF, UsageError, tell
from onport_worker.cli.show import JobChannel, JobKey, JobKind

_IN_FLIGHT = "in flight"


def forget(
    context: typer.Context,
    kind: JobKind,
    key: JobKey,
    channel: JobChannel = DEFAULT_CHANNEL,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase what the relay holds of one job: a person's data, say. It is not delivered any more.

    Takes pending, delayed and dead jobs, and the note that one was delivered. What is being sent
    can't be taken back: exits 1 then, try again in a moment. A producer's spool and Redis's own
    log and backups are not searched.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError("forget: asks before it erases; expected a terminal, or --yes")
    channel = checked_channel(channel)
    settings = with_broker(account_settings_of(context, channel=channel))
    if not yes and not typer.confirm(f"Erase {job_key(kind, channel, key)}?", err=True):
        tell("nothing was erased")
        raise typer.Exit(OFF)
    keys = product_keys(key, settings.product_key) if kind is Kind.PRODUCT else (key,)
    with opened_queue(settings) as queue:
        found = {each: queue.forget(kind, channel, each) for each in keys}
    for each, state in found.items():
        if state == _IN_FLIGHT:
            tell(f"{job_key(kind, channel, each)} is being sent; try again in a moment")
            raise typer.Exit(OFF)
        if state:
            typer.echo(f"Erased: {job_key(kind, channel, each)}, which was {state}.")
    if not any(found.values()):
        typer.echo(f"Nothing was held of {kind} {key!r} on channel {channel}.")
