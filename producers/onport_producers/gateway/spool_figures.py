"""What this host's spool holds, as Prometheus's families."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from onport_producers.spool import Contents


@dataclass(frozen=True, slots=True)
class Kept:
    """What the spool holds of an account."""

    account: str
    contents: Contents


def families(accounts: Sequence[Kept], *, most_mb: int, now: datetime) -> Iterator[Metric]:
    """Yield the families; all accounts of a host share one file."""
    puts = _gauge("puts", "Puts that wait on this host's disk for the broker.", "account")
    jobs = _gauge("jobs", "Jobs in these puts.", "account")
    oldest = _gauge("oldest_seconds", "For how long the first of them has waited.", "account")
    refused = _gauge("refused_puts", "Puts that the broker refused for good.", "account")
    for kept in accounts:
        contents, labels = kept.contents, [kept.account]
        puts.add_metric(labels, contents.puts)
        jobs.add_metric(labels, contents.jobs)
        refused.add_metric(labels, contents.refused_puts)
        since_s = now.timestamp() if contents.oldest_s is None else contents.oldest_s
        oldest.add_metric(labels, max(0.0, now.timestamp() - since_s))
    yield from (puts, jobs, oldest, refused)
    size = _gauge("bytes", "The file's size.")
    size.add_metric([], max((kept.contents.file_bytes for kept in accounts), default=0))
    yield size
    most = _gauge("max_bytes", "The file's largest size (spool_mb).")
    most.add_metric([], most_mb * 1_000_000)
    yield most


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"onport_relay_spool_{name}", text, labels=labels)
