"""onport-relay check: would it run?"""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from onport_queue.errors import SettingsError
from onport_queue.picture.text import printable
from onport_worker.cli.configuration import settings_of
from onport_worker.cli.exits import GOOD, OFF
from onport_worker.cli.findings import (
    Finding,
    Level,
    alert_findings,
    broker_findings,
    schedule_findings,
    settings_faults,
    settings_findings,
    spool_findings,
)

_STYLES = {
    Level.OK: "green",
    Level.CANNOT_TELL: "cyan",
    Level.WARNING: "yellow",
    Level.FAULT: "bold red",
}


def check(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the settings and the broker, and tell all faults at once. Sends nothing to Onport.

    Exits 1 if there is a fault. Warnings are no faults.
    """
    findings = _findings(context)
    sound = all(finding.level is not Level.FAULT for finding in findings)
    if as_json:
        found = [asdict(finding) for finding in findings]
        typer.echo(json.dumps({"ok": sound, "findings": found}))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            console.print(
                Text(f"{finding.level:<12}", _STYLES[finding.level]),
                Text(printable(f"{finding.subject}: {finding.text}")),
                sep="",
            )
    raise typer.Exit(GOOD if sound else OFF)


def _findings(context: typer.Context) -> list[Finding]:
    try:
        settings = settings_of(context)
    except SettingsError as error:
        return list(settings_faults(error))
    return [
        *settings_findings(settings),
        *alert_findings(settings),
        *spool_findings(settings),
        *schedule_findings(settings),
        *broker_findings(settings),
    ]
