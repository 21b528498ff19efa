"""What the queue of each account holds, as Prometheus's families; every label is bounded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from onport_queue.ledger import Stats
from onport_queue.names import Kind, Lane
from onport_queue.picture import allowed_rate
from onport_queue.settings import Settings

_TERMS = (
    *("accepted", "delivered", "folded", "duplicate"),
    *("unchanged", "superseded", "discarded"),
)
_STATES = ("pending", "waiting", "delayed", "in_flight", "dead")
# Those that there may be are always told: of a series that comes and goes no rule can say "none".
_PAUSES = (
    *((scope, "operator") for scope in ("account", "lane", "channel", "endpoint")),
    *(("account", "throttled"), ("account", "outage")),
    *(("channel", "refused"), ("endpoint", "refused")),
)

_Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at an account, what is set for it, and its channels."""

    settings: Settings
    channels: Sequence[str]
    stats: Stats


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    text: str
    labels: tuple[str, ...]
    samples: Callable[[Seen], Iterable[_Sample]]
    family: type[GaugeMetricFamily] | type[CounterMetricFamily] = GaugeMetricFamily


def families(accounts: Sequence[Seen]) -> Iterator[Metric]:
    """Yield the families of all accounts."""
    for figure in _FIGURES:
        family = figure.family(
            f"onport_relay_{figure.name}", figure.text, labels=("account", *figure.labels)
        )
        for seen in accounts:
            for labels, value in figure.samples(seen):
                family.add_metric([seen.settings.account, *labels], value)
        yield family


def _alone(value: Callable[[Seen], float | None]) -> Callable[[Seen], Iterable[_Sample]]:
    """Return what gives one sample without labels of its own, or none."""

    def samples(seen: Seen) -> Iterable[_Sample]:
        found = value(seen)
        return [] if found is None else [((), found)]

    return samples


def _jobs(seen: Seen) -> Iterator[_Sample]:
    return (((state,), getattr(seen.stats, state)) for state in _STATES)


def _pending(seen: Seen) -> Iterable[_Sample]:
    none = dict.fromkeys(product(Lane, seen.channels, Kind), 0)
    held = {(each.lane, each.channel, each.kind): each.pending for each in seen.stats.streams}
    return (none | held).items()


def _oldest_s(seen: Seen) -> Iterator[_Sample]:
    for lane in Lane:
        ages_ms = (each.oldest_ms for each in seen.stats.streams if each.lane is lane)
        yield (lane,), max(ages_ms, default=0) / 1000


def _terms(seen: Seen) -> Iterator[_Sample]:
    return (((term,), getattr(seen.stats.ledger, term)) for term in _TERMS)


def _returned(seen: Seen) -> Iterable[_Sample]:
    ledger = seen.stats.ledger
    return [(("retried",), ledger.retried), (("released",), ledger.released)]


def _lost(seen: Seen) -> Iterable[_Sample]:
    ledger = seen.stats.ledger
    return [(("expired",), ledger.expired), (("fenced",), ledger.fenced)]


def _pauses(seen: Seen) -> Iterable[_Sample]:
    many = dict.fromkeys(_PAUSES, 0)
    for pause in seen.stats.pauses:
        which = pause.scope.partition(":")[0], pause.cause
        many[which] = many.get(which, 0) + 1
    return many.items()


_FIGURES = (
    _Figure("jobs", "Jobs that the queue holds, by state.", ("state",), _jobs),
    _Figure("pending_jobs", "Jobs that may be sent now.", ("lane", "channel", "kind"), _pending),
    _Figure(
        "oldest_pending_seconds",
        "For how long the first pending job of a lane has waited since its put; 0: there is none.",
        ("lane",),
        _oldest_s,
    ),
    _Figure(
        "ledger_jobs",
        "Jobs put (accepted), and what became of them.",
        ("term",),
        _terms,
        CounterMetricFamily,
    ),
    _Figure(
        "ledger_imbalance",
        "Difference of the ledger's two sides; anything but 0 is a defect of the relay.",
        (),
        _alone(lambda seen: seen.stats.imbalance),
    ),
    _Figure(
        "requests",
        "Requests that the gate has granted, to all workers.",
        (),
        _alone(lambda seen: seen.stats.ledger.requests),
        CounterMetricFamily,
    ),
    _Figure(
        "returned_jobs",
        "Jobs that a request gave back: to be retried after a delay, or released at once.",
        ("how",),
        _returned,
        CounterMetricFamily,
    ),
    _Figure(
        "lost_leases",
        "Leases that expired, and requests whose outcome came too late to count (fenced).",
        ("how",),
        _lost,
        CounterMetricFamily,
    ),
    _Figure(
        "ceiling_requests_per_second",
        "The most requests/s: what is configured, or what an operator has set.",
        (),
        _alone(lambda seen: seen.stats.rate_set or seen.settings.rate),
    ),
    _Figure(
        "allowed_requests_per_second",
        "Requests/s that the gate allows now, by all that limits them but pauses.",
        (),
        _alone(lambda seen: allowed_rate(seen.stats, seen.settings)),
    ),
    _Figure(
        "learnt_limit_requests_per_second",
        "The endpoint's limit as 429s have taught it; absent: they have not.",
        (),
        _alone(lambda seen: seen.stats.rate_limit),
    ),
    _Figure("pauses", "Pauses that stand, by scope and cause.", ("scope", "cause"), _pauses),
    _Figure(
        "breaker_open",
        "1 while the endpoint fails and is only probed.",
        (),
        _alone(lambda seen: seen.stats.outage is not None),
    ),
    _Figure(
        "workers",
        "Workers that serve a lane and have looked for work within the last 5 s.",
        (),
        _alone(lambda seen: len(seen.stats.serving)),
    ),
    _Figure(
        "broker_emptied",
        "1 from when the broker came back without its data until accept-loss.",
        (),
        _alone(lambda seen: seen.stats.emptied_ms is not None),
    ),
)
