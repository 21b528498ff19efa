"""The account: computed from the sandbox's receipts and the producers' own log. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from onport_queue.names import Lane
from onport_sandbox import Fault, Receipt
from onport_sandbox import Kind as EndpointKind
from onport_worker.demo.diary import Entry

_FAMILY = {
    EndpointKind.SALE: "sale",
    EndpointKind.PRODUCT: "product",
    EndpointKind.ACKNOWLEDGE: "variant",
    EndpointKind.DISCONNECT: "variant",
}
_UNANSWERED = frozenset({Fault.TIMEOUT, Fault.RESET})


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds from the call of the producer to the arrival at the endpoint."""

    p50: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests per second. efficiency: arrivals ÷ (allowed x seconds with a sendable job)."""

    allowed: float
    achieved: float
    efficiency: float
    worst_second: int


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests made, and the fewest that could have carried the same."""

    made: int
    least: int


@dataclass(frozen=True, slots=True)
class Report:
    """What became of everything that was accepted; jobs, unless another unit is named."""

    accepted: int
    delivered: int
    later_states: int
    folded: int
    retried: int
    dead: int
    lost: int
    stale: int
    duplicates: int
    ambiguous: int
    throttled: int
    imbalance: int
    rate: Rate
    high_wait_ms: Waits
    low_wait_ms: Waits
    requests: Requests

    @property
    def faults(self) -> tuple[str, ...]:
        """What is off; empty if all is well."""
        wrong = [
            f"{name} {getattr(self, name)}"
            for name in ("lost", "stale", "dead")
            if getattr(self, name)
        ]
        if self.imbalance:
            wrong.append(f"imbalance {self.imbalance}")
        if self.duplicates > self.ambiguous:
            wrong.append(f"duplicates {self.duplicates}, more than the {self.ambiguous} ambiguous")
        return tuple(wrong)

    def as_dict(self) -> dict[str, object]:
        """Return the report as plain values for JSON."""
        return asdict(self)


_Key = tuple[str, str]


def account(
    entries: Sequence[Entry],
    receipts: Sequence[Receipt],
    *,
    allowed: float,
    batch_items: int,
    folded: int,
    dead: int,
    imbalance: int,
) -> Report:
    """Compare what was meant with what arrived.

    Args:
        entries: the producers' log.
        receipts: the sandbox's, in order of arrival.
        allowed: the rate in requests/s.
        batch_items: most items of a request.
        folded: puts that were folded, by the producers' receipts.
        dead: jobs the queue holds as dead, imbalance: of its ledger; only the queue knows these.
    """
    arrivals = _arrivals(receipts)
    meant: dict[_Key, str] = {}
    puts: Counter[tuple[_Key, str]] = Counter()
    for entry in entries:
        meant[entry.family, entry.key] = entry.digest
        puts[(entry.family, entry.key), entry.digest] += 1
    applied = {
        key: [arrival.digest for arrival in seen if arrival.applied]
        for key, seen in arrivals.items()
    }
    landed = {key: digests[-1] for key, digests in applied.items() if digests}
    times: Counter[tuple[_Key, str]] = Counter(
        (key, digest) for key, digests in applied.items() for digest in digests
    )
    delivered = sum(1 for key in meant if key in landed)
    sent = sum(min(seen, puts[what]) for what, seen in times.items())
    unanswered = [receipt for receipt in receipts if receipt.fault in _UNANSWERED]
    waits = {lane: _waits(entries, arrivals, lane) for lane in Lane}
    return Report(
        accepted=len(entries),
        delivered=delivered,
        later_states=sent - delivered,
        folded=folded,
        retried=sum(len(seen) - len(applied[key]) for key, seen in arrivals.items()),
        dead=dead,
        lost=max(0, sum(1 for key in meant if key not in landed) - dead),
        stale=sum(1 for key, digest in meant.items() if landed.get(key, digest) != digest),
        duplicates=sum(max(0, seen - puts[what]) for what, seen in times.items()),
        ambiguous=sum(len(receipt.items) for receipt in unanswered),
        throttled=sum(1 for receipt in receipts if receipt.status == 429),
        imbalance=imbalance,
        rate=_rate(entries, receipts, arrivals, allowed),
        high_wait_ms=waits[Lane.HIGH],
        low_wait_ms=waits[Lane.LOW],
        requests=Requests(len(receipts), _least(meant, batch_items)),
    )


@dataclass(frozen=True, slots=True)
class _Arrival:
    at: float
    digest: str
    applied: bool
    answered: bool


_Arrivals = Mapping[_Key, Sequence[_Arrival]]


def _arrivals(receipts: Iterable[Receipt]) -> _Arrivals:
    arrivals: dict[_Key, list[_Arrival]] = defaultdict(list)
    for receipt in receipts:
        for item in receipt.items:
            key = _FAMILY[receipt.kind], item.key or ""
            arrivals[key].append(
                _Arrival(receipt.at, item.digest, receipt.applied, receipt.status == 200)
            )
    return arrivals


def _least(meant: Mapping[_Key, str], batch_items: int) -> int:
    keys = Counter(family for family, _ in meant)
    return keys.pop("sale", 0) + sum(-(-count // batch_items) for count in keys.values())


def _waits(entries: Sequence[Entry], arrivals: _Arrivals, lane: Lane) -> Waits:
    waits = []
    for entry in entries:
        if entry.lane == lane:
            first = next(
                (
                    one.at
                    for one in arrivals.get((entry.family, entry.key), ())
                    if one.at >= entry.at
                ),
                None,
            )
            if first is not None:
                waits.append((first - entry.at) * 1000)
    waits.sort()
    if not waits:
        return Waits(0.0, 0.0, 0.0)
    return Waits(
        *(
            round(waits[min(len(waits) - 1, int(len(waits) * share))], 1)
            for share in (0.5, 0.99, 1.0)
        )
    )


def _rate(
    entries: Sequence[Entry], receipts: Sequence[Receipt], arrivals: _Arrivals, allowed: float
) -> Rate:
    spans = _sendable_spans(entries, arrivals)
    seconds = sum(end - begin for begin, end in spans)
    times = sorted(receipt.at for receipt in receipts)
    within = sum(1 for at in times if any(begin <= at <= end for begin, end in spans))
    whole = times[-1] - times[0] if len(times) > 1 else 0.0
    return Rate(
        allowed=allowed,
        achieved=round(len(times) / whole, 2) if whole else 0.0,
        efficiency=round(within / (allowed * seconds), 4) if seconds else 1.0,
        worst_second=_worst_second(times),
    )


def _sendable_spans(entries: Sequence[Entry], arrivals: _Arrivals) -> list[tuple[float, float]]:
    """Times in which some job could have been sent: from its put to its key's next arrival.

    A put whose key is still without an answer, or waits for its next attempt, is left out: it
    can't be sent.
    """
    spans = []
    for entry in entries:
        seen = arrivals.get((entry.family, entry.key), ())
        before = [one.answered for one in seen if one.at < entry.at]
        after = next((one.at for one in seen if one.at >= entry.at), None)
        if after is not None and (not before or before[-1]):
            spans.append((entry.at, after))
    spans.sort()
    merged: list[tuple[float, float]] = []
    for begin, end in spans:
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((begin, end))
    return merged


def _worst_second(times: Sequence[float]) -> int:
    worst = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= 1.0:
            first += 1
        worst = max(worst, last - first + 1)
    return worst
