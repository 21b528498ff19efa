"""The state of the relay, for a person: a line for each thing there is to say."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.table import Table

from onport_queue.ledger import OutageStats, PauseStats, Stats
from onport_queue.names import Lane
from onport_queue.settings import Settings
from onport_worker.cli import events
from onport_worker.cli.durations import spoken
from onport_worker.cli.exits import printable
from onport_worker.cli.forecast import drain_s, requests_left
from onport_worker.cli.moments import local
from onport_worker.cli.rate import allowed_rate, figure, learnt_limit
from onport_worker.cli.scopes import spoken_scope

_EVENTS_SHOWN = 8


def lines(stats: Stats, settings: Settings, now: datetime) -> Iterator[str]:
    """Yield the state, except for the streams."""
    if stats.emptied_ms is not None:
        yield f"LOST DATA  {_emptied(stats.emptied_ms)}"
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
        yield f"Paused     {printable(_pause(pause, now))}"
    if stats.outage is not None:
        yield f"Outage     {_outage(stats.outage)}"
    for size in stats.sizes:
        bounds = events.held_to(size.items, size.bytes)
        yield f"Batches    {size.kind}: at most {bounds}, since larger ones were refused"
    yield f"Drain      {_drain(stats, settings)}"
    yield f"Ledger     {_ledger(stats)}"
    wrong = "" if stats.imbalance == 0 else ": a defect of the relay, please report it"
    yield f"Imbalance  {stats.imbalance:,}{wrong}"
    for event in stats.events[:_EVENTS_SHOWN]:
        yield f"Event      {spoken(event.ago_ms / 1000)} ago: {events.sentence(event)}"


def streams(stats: Stats) -> Table:
    """Return a row for each stream with pending work."""
    table = Table("lane", "channel", "kind", "pending", "oldest", box=None, pad_edge=False)
    for stream in stats.streams:
        age = spoken(stream.oldest_ms / 1000)
        table.add_row(stream.lane, stream.channel, stream.kind, f"{stream.pending:,}", age)
    return table


def _emptied(emptied_ms: int) -> str:
    return (
        f"the broker came back without its data, noticed {spoken(emptied_ms / 1000)} ago: what had "
        "been accepted and was not delivered is not here. Put it again, then: onport-relay "
        "accept-loss"
    )


def _rate(stats: Stats, settings: Settings) -> str:
    facts = [f"{figure(settings.rate)} requests/s configured"]
    if stats.rate_set is not None:
        facts.append(f"{figure(stats.rate_set)} set by an operator")
    facts.append(f"{figure(allowed_rate(stats, settings))} allowed now")
    if limit := learnt_limit(stats):
        facts.append(f"learnt limit {limit}")
    return ", ".join(facts)


def _pause(pause: PauseStats, now: datetime) -> str:
    why = f"{pause.reason or 'no reason given'} ({events.spoken_cause(pause.cause)})"
    lasted = spoken(pause.since_ms / 1000)
    behind = f"{pause.behind:,} pending behind it"
    return f"{spoken_scope(pause.scope)}, {why}: {_until(pause, now)}; for {lasted}, {behind}"


def _until(pause: PauseStats, now: datetime) -> str:
    left = spoken(max(0, pause.left_ms) / 1000)
    if pause.cause == "refused":
        probe = "is due" if pause.left_ms <= 0 else f"in {left}"
        return f"until an answer is accepted, next probe {probe}"
    if pause.left_ms < 0:
        return "until resumed"
    return f"until {local(now + timedelta(milliseconds=pause.left_ms), now)}, {left} left"


def _outage(outage: OutageStats) -> str:
    paused = "once" if outage.openings == 1 else f"{outage.openings:,} times in a row"
    then = "a probe is on its way" if outage.probing else "one probe is next"
    lasted = spoken(outage.since_ms / 1000)
    return f"the endpoint has failed for {lasted}, paused {paused}; {then}"


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
