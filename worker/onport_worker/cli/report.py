"""The state of the relay, for a person: a line for each thing there is to say."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.table import Table

from onport_queue.durations import spoken
from onport_queue.ledger import Stats
from onport_queue.names import Lane
from onport_queue.picture.expectations import expectations
from onport_queue.picture.forecast import drain_s, forecast, requests_left
from onport_queue.picture.rates import allowed_rate, learnt_limit
from onport_queue.picture.sentences import (
    held_to,
    lost_data,
    outage_sentence,
    pause_sentence,
    sentence,
)
from onport_queue.picture.text import counted, figure
from onport_queue.picture.used import UsedRate
from onport_queue.settings import Settings

_EVENTS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to say, under a label that may be that of several."""

    label: str
    text: str
    is_bad: bool = False

    def __str__(self) -> str:
        return f"{self.label:<10} {self.text}"


def lines(stats: Stats, settings: Settings, now: datetime) -> Iterator[str]:
    """Yield the state, except for the streams, a line each."""
    return (str(fact) for fact in facts(stats, settings, now))


def facts(
    stats: Stats, settings: Settings, now: datetime, *, used: UsedRate | None = None
) -> Iterator[Fact]:
    """Yield the state, except for the streams.

    Args:
        stats: the state.
        settings: of the account.
        now: the time of day.
        used: what earlier looks have taught, if there were any.
    """
    if stats.emptied_ms is not None:
        yield Fact("LOST DATA", lost_data(stats.emptied_ms), is_bad=True)
    yield Fact("Account", settings.account)
    yield Fact("Rate", _rate(stats, settings))
    allowed = allowed_rate(stats, settings)
    if used is not None:
        yield Fact("Used", used_rate(used, allowed))
    at_work = len(stats.serving)
    yield Fact("Workers", f"{at_work or 'none'} at work", is_bad=not at_work)
    pending = ", ".join(f"{stats.pending_in(lane):,} {lane}" for lane in Lane)
    due = "" if stats.next_due_ms is None else f" (the next in {spoken(stats.next_due_ms / 1000)})"
    yield Fact("Pending", pending)
    yield Fact(
        "In flight", f"{counted(stats.in_flight, 'job')} in {counted(stats.flights, 'request')}"
    )
    yield Fact("Waiting", f"{stats.waiting:,} for the outcome of an earlier one of their key")
    yield Fact("Delayed", f"{stats.delayed:,} until they are due{due}")
    yield Fact("Dead", f"{stats.dead:,} given up", is_bad=stats.dead > 0)
    for pause in stats.pauses:
        yield Fact("Paused", pause_sentence(pause, now), is_bad=True)
    if stats.outage is not None:
        yield Fact("Outage", outage_sentence(stats.outage), is_bad=True)
    for size in stats.sizes:
        bounds = held_to(size.items, size.bytes)
        yield Fact("Batches", f"{size.kind}: at most {bounds}, since larger ones were refused")
    yield Fact("Drain", _drain(stats, settings))
    expected = forecast(stats, settings, pace=used.pace(allowed) if used else None)
    for told in expectations(expected, now):
        yield Fact("Forecast", told)
    yield Fact("Ledger", _ledger(stats))
    wrong = "" if stats.imbalance == 0 else ": a defect of the relay, please report it"
    yield Fact("Imbalance", f"{stats.imbalance:,}{wrong}", is_bad=stats.imbalance != 0)
    for event in stats.events[:_EVENTS_SHOWN]:
        yield Fact("Event", f"{spoken(event.ago_ms / 1000)} ago: {sentence(event)}")


def streams(stats: Stats) -> Table:
    """Return a row for each stream with pending work."""
    table = Table("lane", "channel", "kind", "pending", "oldest", box=None, pad_edge=False)
    for stream in stats.streams:
        age = spoken(stream.oldest_ms / 1000)
        table.add_row(stream.lane, stream.channel, stream.kind, f"{stream.pending:,}", age)
    return table


def used_rate(used: UsedRate, allowed: float) -> str:
    """Return what is used of what is allowed."""
    now = "-" if used.now is None else figure(round(used.now, 1))
    return f"{now} of {figure(allowed)} requests/s"


def _rate(stats: Stats, settings: Settings) -> str:
    facts = [f"{figure(settings.rate)} requests/s configured"]
    if stats.rate_set is not None:
        facts.append(f"{figure(stats.rate_set)} set by an operator")
    facts.append(f"{figure(allowed_rate(stats, settings))} allowed now")
    if limit := learnt_limit(stats):
        facts.append(f"learnt limit {limit}")
    return ", ".join(facts)


def _drain(stats: Stats, settings: Settings) -> str:
    requests = requests_left(stats, settings)
    if requests == 0:
        return "nothing is pending"
    left_out = [counted(stats.delayed, "delayed job")] if stats.delayed else []
    left_out += ["pauses"] if stats.pauses else []
    paused = f", not counting {' and '.join(left_out)}" if left_out else ""
    return f"{counted(requests, 'request')} left: about {spoken(drain_s(stats, settings))}{paused}"


def _ledger(stats: Stats) -> str:
    counts = stats.ledger.model_dump().items()
    return ", ".join(
        f"{count:,} {name}" for name, count in counts if count or name in ("accepted", "delivered")
    )
