"""onport-relay accept-loss: a broker that came back without its data has been dealt with."""

import typer

from onport_worker.cli.configuration import account_settings_of, opened_queue, with_broker
from onport_worker.cli.exits import NotHeldError


def accept_loss(context: typer.Context) -> None:
    """Say that the loss of the broker's data has been dealt with, so that `status` is good again.

    Do this after whatever had been accepted and was not delivered has been put again: putting is
    safe to repeat. Nothing else changes.
    """
    with opened_queue(with_broker(account_settings_of(context))) as queue:
        accepted = queue.accept_loss()
    if not accepted:
        raise NotHeldError("accept-loss: no loss of data is on record")
    typer.echo("Accepted: the loss of the broker's data has been dealt with.")
