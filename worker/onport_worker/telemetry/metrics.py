"""What a worker counts: bounded labels, no keys, no payloads."""

import os
from collections import Counter as Counts
from functools import cache
from typing import assert_never

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from onport_queue.flight import (
    Claim,
    Dead,
    Delivered,
    Empty,
    Granted,
    Halve,
    Paused,
    Released,
    Retry,
    Verdict,
    Wait,
)
from onport_queue.names import FIGURES_VARIABLE, Lane
from onport_worker.delivery.classify import classify
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Outcome, Unsendable
from onport_worker.observer import Delivery, Loss

_PREFIX = "onport_relay_worker"
_LATENCIES_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_WAITS_S = (*_LATENCIES_S, 60, 300, 900, 3_600, 14_400, 86_400)


class Metrics:
    """Counters and histograms of one process, for all its accounts."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.claims = Counter(
            f"{_PREFIX}_claims",
            "What the gate said to drains: granted, wait, paused, empty; failed: no answer.",
            ("account", "lane", "said"),
            registry=registry,
        )
        self.requests = Counter(
            f"{_PREFIX}_requests",
            "Requests, by what their answer means and its class.",
            ("account", "kind", "meaning", "answer"),
            registry=registry,
        )
        self.request_seconds = Histogram(
            f"{_PREFIX}_request_seconds",
            "From the beginning of a request to its answer, or to the end of waiting for one.",
            ("account", "kind"),
            buckets=_LATENCIES_S,
            registry=registry,
        )
        self.wait_seconds = Histogram(
            f"{_PREFIX}_wait_seconds",
            "From a job's put to the claim of the request that was its first attempt.",
            ("account", "lane", "kind"),
            buckets=_WAITS_S,
            registry=registry,
        )
        self.jobs = Counter(
            f"{_PREFIX}_jobs",
            "Jobs sent, by what became of them.",
            ("account", "lane", "kind", "verdict"),
            registry=registry,
        )
        self.lost_leases = Counter(
            f"{_PREFIX}_lost_leases",
            "Leases that were no longer ours, by when that was noticed.",
            ("account", "noticed"),
            registry=registry,
        )

    def of(self, account: str) -> "AccountMetrics":
        """Return what counts the work for an account."""
        return AccountMetrics(self, account)

    def registry(self) -> CollectorRegistry:
        """Return what there is to tell: of this process, or of all that share its folder."""
        if FIGURES_VARIABLE not in os.environ:
            return self._registry
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call] # it has no types
        return together


class AccountMetrics:
    """Counts the work for one account; an Observer."""

    def __init__(self, metrics: Metrics, account: str) -> None:
        self._account = account
        # Looking a label up costs as much as counting it.
        self._claims = cache(metrics.claims.labels)
        self._requests = cache(metrics.requests.labels)
        self._request_seconds = cache(metrics.request_seconds.labels)
        self._wait_seconds = cache(metrics.wait_seconds.labels)
        self._jobs = cache(metrics.jobs.labels)
        self._lost_leases = cache(metrics.lost_leases.labels)
        for loss in Loss:  # told from the start: of the first one no rule could see an increase
            self._lost_leases(account, loss.value)

    def asked(self, lane: Lane, claim: Claim | None) -> None:
        """Count what the gate said."""
        self._claims(self._account, lane.value, _said(claim)).inc()

    def answered(self, delivery: Delivery) -> None:
        """Count a request, its time, and how long its jobs had waited for it."""
        granted, outcome = delivery.granted, delivery.outcome
        kind, meaning = granted.kind.value, classify(outcome).name.lower()
        self._requests(self._account, kind, meaning, _answer(outcome)).inc()
        if not isinstance(outcome, Unsendable):
            self._request_seconds(self._account, kind).observe(delivery.seconds)
        if not delivery.settlement.sent:
            return
        waits = self._wait_seconds(self._account, granted.lane.value, kind)
        for item in granted.items:
            if item.attempts == 0:
                waits.observe(item.put_ms_ago / 1000)

    def settled(self, delivery: Delivery) -> None:
        """Count what became of the jobs."""
        lane, kind = delivery.granted.lane.value, delivery.granted.kind.value
        for verdict, many in Counts(map(_word, delivery.settlement.verdicts)).items():
            self._jobs(self._account, lane, kind, verdict).inc(many)

    def lost(self, loss: Loss) -> None:
        """Count a lost lease."""
        self._lost_leases(self._account, loss.value).inc()


def _said(claim: Claim | None) -> str:
    match claim:
        case Granted():
            return "granted"
        case Wait():
            return "wait"
        case Paused():
            return "paused"
        case Empty():
            return "empty"
        case None:
            return "failed"
        case _:
            assert_never(claim)


def _answer(outcome: Outcome) -> str:
    match outcome:
        case Answered(status=status):
            return f"{status // 100}xx"
        case NotSent():
            return "not_sent"
        case Ambiguous():
            return "ambiguous"
        case Unsendable():
            return "unsendable"
        case _:
            assert_never(outcome)


def _word(verdict: Verdict) -> str:
    match verdict:
        case Delivered():
            return "delivered"
        case Retry():
            return "retried"
        case Released():
            return "released"
        case Halve():
            return "halved"
        case Dead():
            return "dead"
        case _:
            assert_never(verdict)
