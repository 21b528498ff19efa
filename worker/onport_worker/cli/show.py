"""onport-relay show: one job."""

from typing import Annotated, TypeAlias

import typer

from onport_queue.names import DEFAULT_CHANNEL, Kind
from onport_worker.cli.configuration import account_settings_of, opened_queue, with_broker
from onport_worker.cli.jobs import held, show_job

JobKind: TypeAlias = Annotated[Kind, typer.Argument(help="What the job delivers.")]
JobKey: TypeAlias = Annotated[
    str,
    typer.Argument(help="A sale's externalId; a product's externalId or sku; a variant's sku."),
]
JobChannel: TypeAlias = Annotated[str, typer.Option("--channel", help="The custom channel.")]
WithPayload: TypeAlias = Annotated[
    bool, typer.Option("--payload", help="Show what it carries too: may be personal data.")
]


def show(
    context: typer.Context,
    kind: JobKind,
    key: JobKey,
    channel: JobChannel = DEFAULT_CHANNEL,
    *,
    payload: WithPayload = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show one job: its state, attempts and last answer.

    Exits 1 if the relay holds no such job: a delivered one is no longer held.
    """
    settings = with_broker(account_settings_of(context, channel=channel))
    with opened_queue(settings) as queue:
        view = held(queue, settings, kind, channel, key)
    show_job(view, payload=payload, as_json=as_json)
