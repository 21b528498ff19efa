"""`onport-relay`: its commands and what they share."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from onport_worker import __version__
from onport_worker.cli.alerts import alerts
from onport_worker.cli.configuration import Selection
from onport_worker.cli.dead import app as dead
from onport_worker.cli.delivered import delivered
from onport_worker.cli.demo import demo
from onport_worker.cli.doctor.command import doctor
from onport_worker.cli.exits import OFF, Commands
from onport_worker.cli.forget import forget
from onport_worker.cli.gateway import gateway
from onport_worker.cli.loss import accept_loss
from onport_worker.cli.outbox import app as outbox
from onport_worker.cli.pausing import pause, resume
from onport_worker.cli.rate import rate
from onport_worker.cli.sandbox import sandbox
from onport_worker.cli.schedules import app as schedules
from onport_worker.cli.send import send
from onport_worker.cli.show import show
from onport_worker.cli.spool import app as spool
from onport_worker.cli.status import status
from onport_worker.cli.up import up
from onport_worker.logs import hide_crashes, tell_crash

PROGRAM = "onport-relay"

app = typer.Typer(
    cls=Commands,
    name=PROGRAM,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    # A traceback with local variables would show secrets.
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line and exit."""
    hide_crashes()
    try:
        app(prog_name=PROGRAM)
    except Exception as error:  # noqa: BLE001 - its text may quote a payload
        tell_crash("crashed", error)
        sys.exit(OFF)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - how typer calls it
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 good, 1 something is off, 2 refused (options, input, settings)."
)
def relay(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Settings file; else $ONPORT_RELAY_CONFIG, ./relay.toml, ./config/relay.toml. "
            "Environment variables ONPORT_RELAY_... win over it.",
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of several accounts the one that the command is about; else that of the "
            "channel, else the relay's own. status, spool and doctor tell of all.",
        ),
    ] = None,
    *,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Get a shop's sales, products and variant links into Onport: never lost, in order, in time.

    Unofficial; not affiliated with Onport. Start with `demo`; then `up` in one shell and
    `send` in another.
    """
    context.obj = Selection(config, account)


app.command()(demo)
app.command()(up)
app.command()(doctor)
app.command()(send)
app.command()(gateway)
app.command()(status)
app.command()(show)
app.command()(delivered)
app.command()(forget)
app.command()(pause)
app.command()(resume)
app.command()(rate)
app.add_typer(dead)
app.add_typer(spool)
app.add_typer(outbox)
app.add_typer(schedules)
app.command()(alerts)
app.command()(accept_loss)
app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(sandbox)
