"""The state of the relay, for a person: a line for each thing there is to say."""

from collections.abc import Iterator
from datetime import datetime

from rich.table import Table

from onport_queue.durations import spoken
from onport_queue.ledger import Stats
from onport_queue.names import Lane
from onport_queue.picture.forecast import drain_s, requests_left
from onport_queue.picture.rates import allowed_rate, learnt_limit
from onport_queue.picture.sentences import (
    held_to,
    lost_data,
    outage_sentence,
    pause_sentence,
    sentence,
)
from onport_queue.picture.text import figure
from onport_queue.settings import Settings

_EVENTS_SHOWN = 8


def lines(stats: Stats, settings: Settings, now: datetime) -> Iterator[str]:
    """Yield the state, except for the streams."""
    if stats.emptied_ms is not None:
        yield f"LOST DATA  {lost_data(stats.emptied_ms)}"
    yield f"Account    {settings.account}"
    yield f"Rate       {_rate(stats, settings)}"
    yield f"Workers    {len(stats.workers) or 'none'} at work"
    pending = ", ".join(f"{stats.pending_in(lane):,} {lane}" for lane in Lane)
    due = "" if stats.next_due_ms is None else f" (the next in {spoken(stats.next_due_ms / 1000)})"
    yield f"Pending    {pending}"
    yield f"In flight  {stats.in_flight:,} jobs in {stats.flights:,} requests"
    yield f"Waiting    {stats.waiting:,} for the outcome of an earlier one of their key"
    yield f"Delayed    {stats.delayed:,} until they are due{due}"
    yield f"Dead       {stats.dead:,} given up"
    for pause in stats.pauses:
        yield f"Paused     {pause_sentence(pause, now)}"
    if stats.outage is not None:
        yield f"Outage     {outage_sentence(stats.outage)}"
    for size in stats.sizes:
        bounds = held_to(size.items, size.bytes)
        yield f"Batches    {size.kind}: at most {bounds}, since larger ones were refused"
    yield f"Drain      {_drain(stats, settings)}"
    yield f"Ledger     {_ledger(stats)}"
    wrong = "" if stats.imbalance == 0 else ": a defect of the relay, please report it"
    yield f"Imbalance  {stats.imbalance:,}{wrong}"
    for event in stats.events[:_EVENTS_SHOWN]:
        yield f"Event      {spoken(event.ago_ms / 1000)} ago: {sentence(event)}"


def streams(stats: Stats) -> Table:
    """Return a row for each stream with pending work."""
    table = Table("lane", "channel", "kind", "pending", "oldest", box=None, pad_edge=False)
    for stream in stats.streams:
        age = spoken(stream.oldest_ms / 1000)
        table.add_row(stream.lane, stream.channel, stream.kind, f"{stream.pending:,}", age)
    return table


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
    paused = ", not counting pauses" if stats.pauses else ""
    return f"{requests:,} requests left: about {spoken(drain_s(stats, settings))}{paused}"


def _ledger(stats: Stats) -> str:
    counts = stats.ledger.model_dump().items()
    return ", ".join(
        f"{count:,} {name}" for name, count in counts if count or name in ("accepted", "delivered")
    )
