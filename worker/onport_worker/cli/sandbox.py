"""onport-relay sandbox: the stand-in for Onport's inbound webhooks."""

import typer

from onport_sandbox.command_line import main


def sandbox(context: typer.Context) -> None:
    """Serve a stand-in for Onport's inbound webhooks, to develop and test against.

    Takes the sandbox's own options: onport-relay sandbox --help
    """
    raise typer.Exit(main(context.args))
