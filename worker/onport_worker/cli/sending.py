"""A sending: what a file holds is read, put, waited for, and told."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import typer

from onport_producers import Producer, Storefront
from onport_producers.imports import (
    Contents,
    Format,
    Rejected,
    Rules,
    Source,
    UnreadableError,
    open_source,
    read_contents,
)
from onport_producers.imports.formats import format_of_name
from onport_queue.clock import SystemClock
from onport_queue.errors import BrokerUnavailableError, RelayError
from onport_queue.picture.text import counted, printable
from onport_queue.settings import Settings
from onport_worker.cli.arrival import Arrival, NotingProducer, await_arrival
from onport_worker.cli.channels import checked_channel
from onport_worker.cli.configuration import opened_queue, with_broker
from onport_worker.cli.exits import INTERRUPTED, OFF, REFUSED, UsageError, exit_code, tell
from onport_worker.cli.intake import Intake, What
from onport_worker.cli.meter import delivery_meter, reading_meter
from onport_worker.cli.outcome import ALL_WARNINGS, Outcome, accepted_so_far
from onport_worker.cli.rehearsal import Rehearsal
from onport_worker.cli.rejections import opened_rejections

_CLOCK = SystemClock()
# Nobody at a checkout waits for this, and a busy broker is no reason to stop a file.
_PUT_BOUND_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What the options of `send` say.

    Raises:
        UsageError: they exclude each other.
    """

    what: What
    file: str
    key: str | None
    declared: Format | None
    partial: bool
    channel: str
    dry_run: bool
    wait: bool
    force: bool
    not_before: datetime | None
    strict: bool
    rejects: Path | None
    as_json: bool

    def __post_init__(self) -> None:
        if self.partial and self.what is not What.SALE_UPDATE:
            raise UsageError(f"--partial: only for sale-update, not for {self.what}")
        if self.force and self.what is not What.PRODUCTS:
            raise UsageError(
                f"--force: only for products, not for {self.what}, which are always sent"
            )
        if self.dry_run and self.wait:
            raise UsageError("--wait: waits for a delivery, which --dry-run does not make")
        if self.not_before is not None and self.wait:
            raise UsageError("--wait: waits for a delivery, which --not-before puts off")
        self._check_format(self.declared or format_of_name(self.file))

    def run(self, settings: Settings) -> None:
        """Do it, and exit with what became of it."""
        if self.key is not None:
            settings = settings.model_copy(update={"product_key": (self.key,)})
        outcome = Outcome()
        with open_source(self.file) as source:
            producer = self._producer(settings)
            found = self._put(source, producer, settings, outcome)
        if isinstance(producer, Rehearsal):
            self._show(producer, outcome, found)
        else:
            if isinstance(producer, NotingProducer):
                account = settings.for_account(settings.account_of(self.channel))
                _wait(producer, with_broker(account), outcome)
            told = json.dumps(outcome.document()) if self.as_json else outcome.sentence(_CLOCK)
            typer.echo(told)
        if outcome.summary.warnings and not self.as_json:
            typer.echo(ALL_WARNINGS)
        _exit(outcome)

    def _put(
        self, source: Source, producer: Storefront, settings: Settings, outcome: Outcome
    ) -> Format:
        """Put what the source holds; return its format."""
        today = _CLOCK.wall().astimezone().date()
        rules = Rules(settings.product_key, today, settings.csv)
        try:
            contents = read_contents(source, rules, self.declared)
        except UnreadableError as error:
            raise self._failure(error, source, outcome) from error
        self._check_format(contents.format)
        if self.key is not None and not contents.format.is_table:
            raise UsageError(
                f"--key {self.key}: names a field of a CSV file; products in JSON are keyed by the "
                "setting product_key"
            )
        with opened_rejections(source, contents, self.rejects) as rejections:
            intake = self._intake(producer, rejections.add)
            try:
                self._take_in(intake, source, contents)
            except RelayError as error:
                outcome.summary, outcome.rejected = intake.summary, rejections.many
                raise self._failure(error, source, outcome) from error
        outcome.summary, outcome.rejected = intake.summary, rejections.many
        return contents.format

    def _intake(self, producer: Storefront, rejected: Callable[[Rejected], None]) -> Intake:
        return Intake(
            producer,
            channel=checked_channel(self.channel),
            partial=self.partial,
            force=self.force,
            not_before=self.not_before,
            rejected=None if self.strict else rejected,
        )

    def _take_in(self, intake: Intake, source: Source, contents: Contents) -> None:
        try:
            with reading_meter(source) as told:
                intake.put(self.what, contents.entries, told)
        except KeyboardInterrupt:
            tell(f"interrupted ({accepted_so_far(intake.summary)})")
            raise

    def _check_format(self, found: Format | None) -> None:
        if found is not None and found.is_table and self.what is not What.PRODUCTS:
            raise UsageError(f"{self.file}: CSV holds products only; expected JSON for {self.what}")

    def _producer(self, settings: Settings) -> Storefront:
        if self.dry_run:
            return Rehearsal(settings)
        # No spool: somebody is here to read that the broker is away, and to send the file again.
        reached = with_broker(settings).model_copy(update={"spool_mb": 0})
        kind = NotingProducer if self.wait else Producer
        return kind(reached, bound_s=_PUT_BOUND_S)

    def _show(self, producer: Rehearsal, outcome: Outcome, found: Format) -> None:
        first = [json.loads(body) for body in producer.first]
        if self.as_json:
            told = {
                "format": found,
                "items": outcome.summary.accepted,
                "rejected": outcome.rejected,
                "warnings": outcome.summary.warnings,
                "first_warning": outcome.summary.first_warning,
                "first": first,
            }
            typer.echo(json.dumps(told))
            return
        for item in first:
            typer.echo(json.dumps(item, indent=2, ensure_ascii=False))
        summary = outcome.summary
        read = f"{counted(summary.accepted, 'item')} read as {found}"
        read += f", {outcome.rejected:,} rejected" if outcome.rejected else ""
        if summary.warnings:
            read += f", {summary.warnings:,} with warnings, the first {summary.first_warning}"
        typer.echo(printable(f"{read}; nothing was put."))

    def _failure(self, error: RelayError, source: Source, outcome: Outcome) -> typer.Exit:
        """Tell what has ended the sending, and how far it came."""
        if isinstance(error, UnreadableError) and not error.source:
            error = replace(error, source=source.name)
        more = ""
        if isinstance(error, BrokerUnavailableError):
            more = "; whether what followed was is unknown: sending the file again is safe"
        tell(f"{error} ({accepted_so_far(outcome.summary)}{more})")
        if self.as_json:
            outcome.fault = str(error)
            typer.echo(json.dumps(outcome.document()))
        return typer.Exit(exit_code(error))


def _wait(producer: NotingProducer, settings: Settings, outcome: Outcome) -> None:
    keys = producer.noted
    arrival = outcome.arrival = Arrival()
    try:
        with opened_queue(settings) as queue, delivery_meter(len(keys)) as told:
            if keys and not queue.stats().serving:
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


def _exit(outcome: Outcome) -> None:
    if outcome.arrival is not None and outcome.arrival.dead:
        raise typer.Exit(OFF)
    if outcome.rejected:
        raise typer.Exit(REFUSED)
