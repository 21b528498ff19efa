"""onport-relay send: put what a file holds into the relay."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from onport_producers import Producer, Summary
from onport_producers.imports import Format, Source, UnreadableError, open_source, read_items
from onport_queue.clock import SystemClock
from onport_queue.errors import BrokerUnavailableError, RelayError
from onport_queue.names import DEFAULT_CHANNEL
from onport_worker.cli.channels import checked_channel
from onport_worker.cli.configuration import settings_of, with_broker
from onport_worker.cli.durations import spoken
from onport_worker.cli.exits import UsageError, exit_code, tell
from onport_worker.cli.intake import Intake, What
from onport_worker.cli.intake import Progress as Told
from onport_worker.cli.moments import local


def send(
    context: typer.Context,
    what: Annotated[What, typer.Argument(help="What the file holds.")],
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The file; - is standard input.")],
    key: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="CSV: the column that keys a product."),
    ] = None,
    declared: Annotated[
        Format | None,
        typer.Option("--format", help="The file's format; else it is recognized."),
    ] = None,
    *,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="sale-update: each holds only what has changed, not the whole sale."
        ),
    ] = False,
    channel: Annotated[str, typer.Option(help="The custom channel.")] = DEFAULT_CHANNEL,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one JSON object.")
    ] = False,
) -> None:
    """Put sales, sale updates, products or variant links into the relay.

    FILE is a JSON object, a JSON array of objects, JSON Lines, or for products a CSV file whose
    columns become text fields (inventoryQuantity, costPrice and grams become numbers, taxable a
    boolean; an empty one is left out). It is read as a stream, so its size does not matter; one
    line or element may have 10 MB.

    When an item is refused, sending stops there: the message names file, line and field, and how
    many items were accepted before it.
    """
    if partial and what is not What.SALE_UPDATE:
        raise UsageError(f"--partial: only for sale-update, not for {what}")
    _check_format(what, file, declared, key)
    with open_source(file) as source:
        # No spool: somebody is here to read that the broker is away, and to send the file again.
        settings = with_broker(settings_of(context)).model_copy(update={"spool_mb": 0})
        if key is not None:
            settings = settings.model_copy(update={"product_key": (key,)})
        intake = Intake(Producer(settings), channel=checked_channel(channel), partial=partial)
        items = read_items(source, keys=settings.product_key, declared=declared)
        try:
            with _progress(source) as progress:
                intake.put(what, items, progress)
        except RelayError as error:
            _report_failure(error, source, intake.summary, as_json=as_json)
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt:
            tell(f"interrupted ({_accepted(intake.summary)})")
            raise
    typer.echo(json.dumps(_document(intake.summary)) if as_json else _sentence(intake.summary))


def _check_format(what: What, file: str, declared: Format | None, key: str | None) -> None:
    is_csv = declared is Format.CSV or (declared is None and file.lower().endswith(".csv"))
    if is_csv and what is not What.PRODUCTS:
        raise UsageError(f"{file}: CSV holds products only; expected JSON for {what}")
    if key is not None and not is_csv:
        raise UsageError(
            f"--key {key}: names a column of a CSV file; products in JSON are keyed by the "
            "setting product_key"
        )


@contextmanager
def _progress(source: Source) -> Iterator[Told]:
    """Show how far the file is read, if somebody watches."""
    columns = (
        TextColumn("{task.fields[accepted]:,} accepted"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=source.size, accepted=0)

        def told(accepted: int) -> None:
            done = source.stream.tell() if source.size else None
            bar.update(task, completed=done, accepted=accepted)

        yield told


def _report_failure(error: RelayError, source: Source, summary: Summary, *, as_json: bool) -> None:
    if isinstance(error, UnreadableError) and not error.source:
        error = replace(error, source=source.name)
    more = ""
    if isinstance(error, BrokerUnavailableError):
        more = "; whether what followed was is unknown: sending the file again is safe"
    tell(f"{error} ({_accepted(summary)}{more})")
    if as_json:
        typer.echo(json.dumps(_document(summary) | {"fault": str(error)}))


def _accepted(summary: Summary) -> str:
    match summary.accepted:
        case 0:
            return "nothing was accepted"
        case 1:
            return "the first item was accepted"
        case many:
            return f"the first {many:,} items were accepted"


def _document(summary: Summary) -> dict[str, int | str | None]:
    return {
        "accepted": summary.accepted,
        "folded": summary.folded,
        "superseded": summary.superseded,
        "warnings": summary.warnings,
        "expected_at": summary.expected_at.isoformat() if summary.expected_at else None,
        "fault": None,
    }


def _sentence(summary: Summary) -> str:
    if summary.accepted == 0:
        return "The file holds no items: nothing was accepted."
    many = "1 item" if summary.accepted == 1 else f"{summary.accepted:,} items"
    details = [f"{summary.folded:,} folded into jobs that were not sent yet"]
    details += [f"{summary.superseded:,} superseded: Onport has something newer"]
    details += [f"{summary.warnings:,} with warnings"]
    told = ", ".join(detail for detail in details if not detail.startswith("0 "))
    sentence = f"{many} accepted" + (f" ({told})" if told else "")
    if summary.expected_at is None:
        return f"{sentence}."
    now = SystemClock().wall()
    left_s = max(0.0, (summary.expected_at - now).total_seconds())
    at = local(summary.expected_at, now)
    return f"{sentence}; delivery expected by {at}, in about {spoken(left_s)}."
