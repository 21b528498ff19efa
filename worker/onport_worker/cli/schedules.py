"""onport-relay schedules: what runs by itself, what became of it, and running it now."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from onport_producers.schedule import Report, next_tick
from onport_queue.clock import SystemClock
from onport_queue.picture.text import counted, local, printable
from onport_queue.runs import RUNS_KEPT, Outcome, Run, Runs, Standing
from onport_queue.schedule import Schedule
from onport_queue.settings import Settings
from onport_worker.cli.configuration import opened_broker, settings_of, with_broker
from onport_worker.cli.exits import GOOD, INTERRUPTED, OFF, UsageError, tell
from onport_worker.schedules.runner import Runner
from onport_worker.stopping import Stopping

app = typer.Typer(
    name="schedules",
    no_args_is_help=True,
    help="See what is put by itself, what became of it, or run it now.",
)

_LISTED = 20
_AS_WIDE_AS_NEEDED = 10_000

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


@dataclass(frozen=True, slots=True)
class _Row:
    schedule: Schedule
    next_at: datetime | None
    standing: Standing


@app.command("list")
def list_schedules(context: typer.Context, *, as_json: Json = False) -> None:
    """List the schedules of the settings: when each runs next, and how its last run ended."""
    settings = with_broker(settings_of(context))
    now = SystemClock().wall()
    with opened_broker(settings) as redis:
        runs = Runs.of(redis, settings)
        rows = [
            _Row(one, next_tick(one, now) if one.enabled else None, runs.standing(one.name))
            for one in settings.schedules
        ]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(_row_document(row)))
    elif rows:
        _print_rows(rows, now)
    else:
        typer.echo("No schedules: [[schedules]] in relay.toml says what is put by itself.")


@app.command("history")
def history(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only of this schedule; else of all.")
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            min=1, max=RUNS_KEPT, help=f"The newest so many of each; {RUNS_KEPT} are kept."
        ),
    ] = _LISTED,
    *,
    as_json: Json = False,
) -> None:
    """Show what became of each tick, the newest last; errors never show what an item holds."""
    settings = with_broker(settings_of(context))
    chosen = settings.schedules if name is None else (_found(settings, name),)
    with opened_broker(settings) as redis:
        runs = Runs.of(redis, settings)
        found = [
            (one.name, run) for one in chosen for run in reversed(runs.history(one.name, limit))
        ]
    found.sort(key=lambda entry: entry[1].ended)
    if as_json:
        for schedule, run in found:
            typer.echo(json.dumps({"schedule": schedule} | _run_document(run)))
    elif found:
        _print_runs(found, SystemClock().wall())
    else:
        typer.echo("No runs yet.")


@app.command("run")
def run(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Run a schedule now, in this shell; also one that is not enabled. It needs no worker.

    Ctrl-C or TERM: what was read is put; a file that was not finished is taken up by the next run.
    Exits 1 if the run failed, or if another run of it goes on.
    """
    settings = with_broker(settings_of(context))
    schedule = _found(settings, name)
    with opened_broker(settings) as redis, Stopping() as stopping:
        runner = Runner(settings, Runs.of(redis, settings), is_stopped=lambda: stopping.asked)
        report = runner.run(schedule, None)
    if report is None:
        tell(f"schedule {name}: a run goes on; see `onport-relay schedules list`")
        raise typer.Exit(OFF)
    _tell_report(report)
    if report.outcome is Outcome.STOPPED:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(GOOD if report.outcome is Outcome.DONE else OFF)


def _found(settings: Settings, name: str) -> Schedule:
    for schedule in settings.schedules:
        if schedule.name == name:
            return schedule
    known = ", ".join(schedule.name for schedule in settings.schedules) or "none"
    raise UsageError(f"{name!r}: no such schedule; there are: {known}")


def _tell_report(report: Report) -> None:
    tally = report.tally
    typer.echo(f"{report.outcome.value.capitalize()}: {_counts(tally.accepted, tally.refused)}.")
    if tally.unchanged:
        typer.echo(f"{tally.unchanged:,} of them unchanged: Onport has them already.")
    if tally.spooled:
        typer.echo(f"{tally.spooled:,} of them in the spool: the broker was away.")
    if report.error:
        tell(report.error)


def _counts(accepted: int, refused: int) -> str:
    return f"{counted(accepted, 'item')} accepted" + (f", {refused:,} refused" if refused else "")


def _print_rows(rows: list[_Row], now: datetime) -> None:
    table = _table("schedule", "puts", "when", "next", "last", "outcome")
    for row in rows:
        last, running = row.standing.last, row.standing.running
        if running is not None:
            outcome = f"running: {counted(running.accepted, 'item')} so far"
        else:
            outcome = _outcome(last) if last else "never ran"
        table.add_row(
            row.schedule.name,
            row.schedule.kind.value,
            row.schedule.timing,
            local(row.next_at, now) if row.next_at else "-",
            local(last.ended, now) if last else "-",
            printable(outcome),
        )
    _print(table)


def _print_runs(found: list[tuple[str, Run]], now: datetime) -> None:
    table = _table("schedule", "due", "began", "ended", "outcome")
    for schedule, run in found:
        table.add_row(
            schedule,
            "by hand" if run.by_hand else local(run.tick, now),
            local(run.began, now) if run.began else "-",
            local(run.ended, now),
            printable(_outcome(run)),
        )
    _print(table)


def _outcome(run: Run) -> str:
    match run.outcome:
        case Outcome.SKIPPED:
            return "skipped: the run before it was still going on"
        case Outcome.MISSED:
            return "missed: no worker had begun it when the next one came"
        case Outcome.LOST:
            return "lost: its worker was killed, or had no broker for long"
        case Outcome.DONE | Outcome.FAILED | Outcome.STOPPED:
            facts = [_counts(run.accepted, run.refused)]
            facts += [f"{run.unchanged:,} unchanged"] if run.unchanged else []
            facts += [f"{run.warnings:,} with warnings"] if run.warnings else []
            facts += [f"{run.spooled:,} spooled"] if run.spooled else []
            facts += [f"attempt {run.attempt}"] if run.attempt > 1 else []
            facts += [run.error] if run.error else []
            return f"{run.outcome.value}: {'; '.join(facts)}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _print(table: Table) -> None:
    Console(highlight=False, markup=False, emoji=False, width=_AS_WIDE_AS_NEEDED).print(table)


def _row_document(row: _Row) -> dict[str, object]:
    standing = row.standing
    return {
        "schedule": row.schedule.name,
        "kind": row.schedule.kind.value,
        "timing": row.schedule.timing,
        "source": row.schedule.source,
        "next_at": row.next_at.isoformat(timespec="seconds") if row.next_at else None,
        "due": standing.due.model_dump(mode="json") if standing.due else None,
        "running": standing.running.model_dump(mode="json") if standing.running else None,
        "last": _run_document(standing.last) if standing.last else None,
    }


def _run_document(run: Run) -> dict[str, object]:
    return run.model_dump(mode="json")
