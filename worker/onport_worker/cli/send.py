"""onport-relay send: put what a file holds into the relay."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from onport_producers import Producer, Storefront
from onport_producers.imports import (
    Contents,
    Format,
    Rules,
    Source,
    UnreadableError,
    open_source,
    read_contents,
)
from onport_producers.imports.formats import format_of_name
from onport_queue.clock import SystemClock
from onport_queue.errors import BrokerUnavailableError, RelayError
from onport_queue.names import DEFAULT_CHANNEL
from onport_queue.settings import Settings
from onport_worker.cli.arrival import Arrival, NotingProducer, await_arrival
from onport_worker.cli.channels import checked_channel
from onport_worker.cli.configuration import opened_queue, settings_of, with_broker
from onport_worker.cli.exits import INTERRUPTED, OFF, REFUSED, UsageError, exit_code, tell
from onport_worker.cli.intake import Intake, What
from onport_worker.cli.meter import delivery_meter, reading_meter
from onport_worker.cli.outcome import Outcome, accepted_so_far, items
from onport_worker.cli.rehearsal import Rehearsal
from onport_worker.cli.rejections import opened_rejections

_CLOCK = SystemClock()
# Nobody at a checkout waits for this, and a busy broker is no reason to stop a file.
_PUT_BOUND_S = 2.0


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
    """
    if partial and what is not What.SALE_UPDATE:
        raise UsageError(f"--partial: only for sale-update, not for {what}")
    if force and what is not What.PRODUCTS:
        raise UsageError(f"--force: only for products, not for {what}, which are always sent")
    if dry_run and wait:
        raise UsageError("--wait: waits for a delivery, which --dry-run does not make")
    _check_table(what, file, declared or format_of_name(file))
    settings = settings_of(context)
    if key is not None:
        settings = settings.model_copy(update={"product_key": (key,)})
    today = _CLOCK.wall().astimezone().date()
    with open_source(file) as source:
        producer = _producer(settings, dry_run=dry_run, wait=wait)
        rules = Rules(settings.product_key, today, settings.csv)
        outcome = Outcome()
        try:
            contents = read_contents(source, rules, declared)
        except UnreadableError as error:
            raise _failure(error, source, outcome, as_json=as_json) from error
        _check_table(what, file, contents.format)
        if key is not None and not contents.format.is_table:
            raise UsageError(
                f"--key {key}: names a field of a CSV file; products in JSON are keyed by the "
                "setting product_key"
            )
        with opened_rejections(source, contents, rejects) as rejections:
            intake = Intake(
                producer,
                channel=checked_channel(channel),
                partial=partial,
                force=force,
                rejected=None if strict else rejections.add,
            )
            try:
                _put(intake, what, source, contents)
            except RelayError as error:
                outcome.summary, outcome.rejected = intake.summary, rejections.many
                raise _failure(error, source, outcome, as_json=as_json) from error
        outcome.summary, outcome.rejected = intake.summary, rejections.many
    if isinstance(producer, Rehearsal):
        _show(producer, outcome, contents.format, as_json=as_json)
    else:
        if isinstance(producer, NotingProducer):
            account = settings.for_account(settings.account_of(channel))
            _wait(producer, with_broker(account), outcome)
        typer.echo(json.dumps(outcome.document()) if as_json else outcome.sentence(_CLOCK))
    _exit(outcome)


def _check_table(what: What, file: str, found: Format | None) -> None:
    if found is not None and found.is_table and what is not What.PRODUCTS:
        raise UsageError(f"{file}: CSV holds products only; expected JSON for {what}")


def _producer(settings: Settings, *, dry_run: bool, wait: bool) -> Storefront:
    if dry_run:
        return Rehearsal(settings)
    # No spool: somebody is here to read that the broker is away, and to send the file again.
    reached = with_broker(settings).model_copy(update={"spool_mb": 0})
    kind = NotingProducer if wait else Producer
    return kind(reached, bound_s=_PUT_BOUND_S)


def _put(intake: Intake, what: What, source: Source, contents: Contents) -> None:
    try:
        with reading_meter(source) as told:
            intake.put(what, contents.entries, told)
    except KeyboardInterrupt:
        tell(f"interrupted ({accepted_so_far(intake.summary)})")
        raise


def _wait(producer: NotingProducer, settings: Settings, outcome: Outcome) -> None:
    keys = producer.noted
    arrival = outcome.arrival = Arrival()
    try:
        with opened_queue(settings) as queue, delivery_meter(len(keys)) as told:
            if keys and not queue.stats().workers:
                tell("no worker is at work: nothing is delivered until one is")
            await_arrival(queue, keys, arrival, told, _CLOCK)
    except (KeyboardInterrupt, BrokerUnavailableError) as error:
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        left = len(keys) - arrival.gone - arrival.dead
        tell(
            f"{why}; waiting ends, the delivery does not: {arrival.gone:,} of {len(keys):,} are "
            f"delivered, {arrival.dead:,} dead, {left:,} to go"
        )
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else OFF
        raise typer.Exit(code) from error


def _show(producer: Rehearsal, outcome: Outcome, found: Format, *, as_json: bool) -> None:
    first = [json.loads(body) for body in producer.first]
    if as_json:
        told = {"format": found, "items": outcome.summary.accepted, "rejected": outcome.rejected}
        typer.echo(json.dumps({**told, "warnings": outcome.summary.warnings, "first": first}))
        return
    for item in first:
        typer.echo(json.dumps(item, indent=2, ensure_ascii=False))
    rejected = f", {outcome.rejected:,} rejected" if outcome.rejected else ""
    typer.echo(f"{items(outcome.summary.accepted)} read as {found}{rejected}; nothing was put.")


def _exit(outcome: Outcome) -> None:
    if outcome.arrival is not None and outcome.arrival.dead:
        raise typer.Exit(OFF)
    if outcome.rejected:
        raise typer.Exit(REFUSED)


def _failure(error: RelayError, source: Source, outcome: Outcome, *, as_json: bool) -> typer.Exit:
    """Tell what has ended the sending, and how far it came."""
    if isinstance(error, UnreadableError) and not error.source:
        error = replace(error, source=source.name)
    more = ""
    if isinstance(error, BrokerUnavailableError):
        more = "; whether what followed was is unknown: sending the file again is safe"
    tell(f"{error} ({accepted_so_far(outcome.summary)}{more})")
    if as_json:
        outcome.fault = str(error)
        typer.echo(json.dumps(outcome.document()))
    return typer.Exit(exit_code(error))
