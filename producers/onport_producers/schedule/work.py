"""What a run does: it puts what its source holds, and says what became of that."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from onport_producers.imports import Item, UnreadableError
from onport_producers.producer import Producer
from onport_producers.receipt import State, Summary
from onport_producers.schedule.errors import SourceError
from onport_producers.schedule.inbox import Inbox
from onport_producers.schedule.sources import (
    found_function,
    items_of_file,
    items_of_function,
    place_of,
)
from onport_producers.storefront import Rejection
from onport_queue.clock import Clock
from onport_queue.errors import BrokerUnavailableError, InvalidJobError
from onport_queue.jobs import Payload
from onport_queue.runs import Outcome, Tally
from onport_queue.schedule import Schedule, ScheduleKind
from onport_queue.settings import Settings

_REASONS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended. `again`: what it could not do may be done at once by another one."""

    outcome: Outcome
    tally: Tally
    error: str = ""
    again: bool = False


@dataclass(slots=True)
class _Refusals:
    """What was refused of one source: all are counted, the first are kept, without values."""

    many: int = 0
    reasons: list[str] = field(default_factory=list)
    broken: Exception | None = None
    """Why there may be more that could not be read."""

    def add(self, reason: str) -> None:
        self.many += 1
        if len(self.reasons) < _REASONS_KEPT:
            self.reasons.append(reason)


@dataclass(slots=True)
class _Place:
    """Where the latest item stands."""

    what: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.what} {self.line}"


class Work:
    """One run of a schedule.

    Args:
        schedule: which.
        settings: of the relay.
        producer: takes the items.
        clock: when a file is put away.
        is_stopped: asked between items; once true, what was read is put, and the run ends.
        told: how it goes, after each put.
    """

    def __init__(
        self,
        schedule: Schedule,
        settings: Settings,
        producer: Producer,
        clock: Clock,
        *,
        is_stopped: Callable[[], bool],
        told: Callable[[Tally], None],
    ) -> None:
        self._schedule = schedule
        self._settings = settings
        self._producer = producer
        self._clock = clock
        self._is_stopped = is_stopped
        self._told = told
        self._tally = Tally()
        self._faults: list[str] = []
        self._failed = False

    def run(self) -> Report:
        """Put everything. An error ends as a report, whatever it is."""
        try:
            self._put_source()
        except BrokerUnavailableError as error:
            return Report(Outcome.FAILED, self._tally, str(error), again=True)
        except SourceError as error:
            return Report(Outcome.FAILED, self._tally, str(error))
        except Exception as error:  # noqa: BLE001 - the shop's function may raise anything
            said = f"{self._schedule.source}: {place_of(error)}"
            return Report(Outcome.FAILED, self._tally, said)
        if self._is_stopped():
            return Report(Outcome.STOPPED, self._tally, self._said(), again=True)
        outcome = Outcome.FAILED if self._failed else Outcome.DONE
        return Report(outcome, self._tally, self._said())

    def _put_source(self) -> None:
        if self._schedule.function is None:
            self._put_files(Inbox(self._schedule.name, self._schedule.source, self._clock))
            return
        refusals = _Refusals()
        self._put(items_of_function(found_function(self._schedule)), "item", refusals)
        if refusals.broken is not None:
            raise refusals.broken
        self._faults += refusals.reasons[:1]

    def _put_files(self, inbox: Inbox) -> None:
        files = inbox.claim()
        while not self._is_stopped() and (file := next(files, None)) is not None:
            self._put_file(file, inbox)
        inbox.clear()

    def _put_file(self, file: Path, inbox: Inbox) -> None:
        refusals = _Refusals()
        keys, csv = self._settings.product_key, self._settings.csv
        self._put(items_of_file(file, self._schedule.kind, keys, csv), "line", refusals)
        reasons = list(refusals.reasons)
        if isinstance(refusals.broken, UnreadableError):
            self._failed = True
            reasons.insert(0, str(replace(refusals.broken, source="")).strip())
        elif refusals.broken is not None:
            raise refusals.broken
        elif self._is_stopped():
            return
        if reasons:
            aside = inbox.set_aside(file, reasons)
            self._faults.append(f"failed/{aside.name}: {reasons[0]}")
        else:
            inbox.finish(file)

    def _put(self, items: Iterator[Item], place: str, refusals: _Refusals) -> None:
        before, at = self._tally, _Place(place)
        payloads = self._payloads(items, at, refusals)
        producer, channel = self._producer, self._schedule.channel

        def rejected(error: InvalidJobError) -> None:
            refusals.add(f"{at}: {error}")

        def told(accepted: int) -> None:
            self._tally = replace(
                before,
                accepted=before.accepted + accepted,
                refused=before.refused + refusals.many,
            )
            self._told(self._tally)

        match self._schedule.kind:
            case ScheduleKind.PRODUCT:
                summary = producer.import_products(
                    payloads, channel=channel, progress=told, rejected=rejected
                )
            case ScheduleKind.ACKNOWLEDGE:
                summary = producer.acknowledge_variants(
                    payloads, channel=channel, progress=told, rejected=rejected
                )
            case ScheduleKind.DISCONNECT:
                summary = producer.disconnect_variants(
                    payloads, channel=channel, progress=told, rejected=rejected
                )
            case ScheduleKind.SALE | ScheduleKind.SALE_UPDATE:
                summary = self._put_sales(payloads, told, rejected)
        self._tally = replace(
            before,
            accepted=before.accepted + summary.accepted,
            unchanged=before.unchanged + summary.unchanged,
            refused=before.refused + refusals.many,
            warnings=before.warnings + summary.warnings,
            spooled=before.spooled + summary.spooled,
        )

    def _put_sales(
        self, sales: Iterator[Payload], told: Callable[[int], None], rejected: Rejection
    ) -> Summary:
        is_new = self._schedule.kind is ScheduleKind.SALE
        put = self._producer.create_sale if is_new else self._producer.update_sale
        summary = Summary()
        for sale in sales:
            try:
                receipt = put(sale, channel=self._schedule.channel)
            except InvalidJobError as error:
                rejected(error)
                continue
            summary = replace(
                summary,
                accepted=summary.accepted + 1,
                warnings=summary.warnings + bool(receipt.warnings),
                spooled=summary.spooled + (receipt.state is State.SPOOLED),
            )
            told(summary.accepted)
        return summary

    def _payloads(
        self, items: Iterator[Item], at: "_Place", refusals: _Refusals
    ) -> Iterator[Payload]:
        try:
            for item in items:
                if self._is_stopped():
                    return
                at.line = item.line
                yield item.payload
        except Exception as error:  # noqa: BLE001 - what came before it is put all the same
            refusals.broken = error

    def _said(self) -> str:
        if len(self._faults) < 2:
            return "".join(self._faults)
        return f"{self._faults[0]} (and {len(self._faults) - 1} more)"
