"""onport-relay send: put what a file holds into the relay."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from onport_producers.imports import Format
from onport_queue.clock import SystemClock
from onport_queue.names import DEFAULT_CHANNEL
from onport_worker.cli.configuration import settings_of
from onport_worker.cli.intake import What
from onport_worker.cli.moments import moment_to_come
from onport_worker.cli.sending import Sending


def send(
    context: typer.Context,
    what: Annotated[What, typer.Argument(help="What the file holds.")],
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="The file, gzip or not; - is standard input.")
    ],
    key: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="CSV: the field that keys a product, e.g. sku."),
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
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Read all, show the first items, put nothing."),
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Return when all is delivered or dead; Ctrl-C stops waiting."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="products: send also what Onport has as it is already."),
    ] = False,
    not_before: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Put it now, to be sent then: 2026-12-01T08:00, of this host."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first item that is rejected.")
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what is rejected there, to mend and send again."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one JSON object.")
    ] = False,
) -> None:
    """Put sales, sale updates, products or variant links into the relay.

    FILE is a JSON object, a JSON array of objects or JSON Lines; for products also CSV, or the
    product export of **Shopify** or **WooCommerce** as it is. Columns of CSV become text fields
    (inventoryQuantity, costPrice and grams become numbers, taxable a boolean; an empty one is left
    out), or what `[csv.columns]` in the settings says. The file is read as a stream, so its size
    does not matter; one line or element may have 10 MB.

    What is rejected is told with file, line and field, and does not stop the rest; the exit code is
    then 2. Sending a file again is safe: what is pending is replaced, not doubled, and products
    that were delivered as they are now are not sent again.

    With `--not-before` it is kept aside until TIME, whatever else is put meanwhile, and then
    replaces what was put before TIME.
    """
    Sending(
        what=what,
        file=file,
        key=key,
        declared=declared,
        partial=partial,
        channel=channel,
        dry_run=dry_run,
        wait=wait,
        force=force,
        not_before=_due(not_before),
        strict=strict,
        rejects=rejects,
        as_json=as_json,
    ).run(settings_of(context))


def _due(not_before: str | None) -> datetime | None:
    if not_before is None:
        return None
    return moment_to_come("--not-before", not_before, SystemClock())
