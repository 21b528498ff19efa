"""onport-relay doctor: what is wrong, and what to do about it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text

from onport_queue.clock import SystemClock
from onport_queue.errors import SettingsError
from onport_queue.picture.text import counted, printable
from onport_worker.cli.configuration import settings_of
from onport_worker.cli.doctor.examination import examine
from onport_worker.cli.doctor.finding import Finding, Level
from onport_worker.cli.doctor.host import settings_faults
from onport_worker.cli.exits import GOOD, OFF, UsageError

_STYLES = {
    Level.OK: "green",
    Level.CANNOT_TELL: "cyan",
    Level.WARNING: "yellow",
    Level.FAULT: "bold red",
}


def doctor(
    context: typer.Context,
    gateway: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Also ask whether this gateway is ready, e.g. http://shop:8080."
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find what is wrong, and say what to do about it: settings, this host, broker, workers, queue.

    Also before the first start, on every host that takes part. Changes nothing, and sends nothing
    to Onport: its address is only connected to, from a host that has a webhook hash.
    docs/troubleshooting.md explains each finding.

    Exits 1 if there is a fault. Warnings are no faults.
    """
    if gateway is not None and urlsplit(gateway).scheme not in ("http", "https"):
        raise UsageError(f"--gateway {gateway}: expected an URL, e.g. http://shop:8080")
    findings = _findings(context, gateway)
    if as_json:
        _tell_script(findings)
    else:
        _tell_person(findings)
    raise typer.Exit(GOOD if _is_sound(findings) else OFF)


def _findings(context: typer.Context, gateway: str | None) -> Sequence[Finding]:
    try:
        settings = settings_of(context)
    except SettingsError as error:
        return list(settings_faults(error))
    found = examine(settings, SystemClock(), gateway=gateway)
    # What ails a worker is found once for each account that it serves.
    return list(dict.fromkeys(found))


def _is_sound(findings: Sequence[Finding]) -> bool:
    return all(finding.level is not Level.FAULT for finding in findings)


def _tell_script(findings: Sequence[Finding]) -> None:
    found = [asdict(finding) for finding in findings]
    typer.echo(json.dumps({"ok": _is_sound(findings), "findings": found}))


def _tell_person(findings: Sequence[Finding]) -> None:
    """Print what is well first, so that what is not stands above the prompt."""
    console = Console(highlight=False, soft_wrap=True)
    for level in reversed(Level):
        for finding in findings:
            if finding.level is level:
                console.print(
                    Text(f"{finding.level:<12}", _STYLES[finding.level]),
                    Text(printable(f"{finding.name}: {finding.text}")),
                    sep="",
                )
                if finding.advice:
                    console.print(Text(printable(f"{'':<12}-> {finding.advice}")))
    console.print(Text(_verdict(findings)))


def _verdict(findings: Sequence[Finding]) -> str:
    many = Counter(finding.level for finding in findings)
    counts = [counted(many[level], level) for level in (Level.FAULT, Level.WARNING) if many[level]]
    return f"{' and '.join(counts).capitalize()}." if counts else "All is well."
