"""What a sandbox counts, in memory that does not grow with the requests."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from onport_sandbox.documents import Json
from onport_sandbox.endpoints import Kind
from onport_sandbox.faults import Fault
from onport_sandbox.fields import Fields
from onport_sandbox.receipts import Receipt

NO_STATUS = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts since the start or the last reset.

    Attributes:
        requests: Requests received by the four endpoints.
        by_status: Requests by the status they got; "none" for those without an answer.
        by_kind: Requests by kind.
        items: Items those requests carried.
        applied_requests: Requests that were applied.
        applied_items: Items of those.
        throttled: Requests over the rate limit.
        faults: Requests by the fault they met, outages included.
        peak_arrivals_per_second: Most requests that began within any one second.
    """

    requests: int
    by_status: Mapping[str, int]
    by_kind: Mapping[str, int]
    items: int
    applied_requests: int
    applied_items: int
    throttled: int
    faults: Mapping[str, int]
    peak_arrivals_per_second: int

    def to_document(self) -> dict[str, object]:
        """Return the counts as a JSON object."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Json) -> Self:
        """Return the counts that `document` holds; a ValueError names a field that is wrong."""
        fields = Fields(document)
        return cls(
            requests=fields.integer("requests"),
            by_status=fields.counts("by_status"),
            by_kind=fields.counts("by_kind"),
            items=fields.integer("items"),
            applied_requests=fields.integer("applied_requests"),
            applied_items=fields.integer("applied_items"),
            throttled=fields.integer("throttled"),
            faults=fields.counts("faults"),
            peak_arrivals_per_second=fields.integer("peak_arrivals_per_second"),
        )


class Tally:
    """Counts requests as they are decided."""

    def __init__(self) -> None:
        self._by_status: Counter[str] = Counter()
        self._by_kind: Counter[Kind] = Counter()
        self._faults: Counter[Fault] = Counter()
        self._items = 0
        self._applied_requests = 0
        self._applied_items = 0
        self._arrivals = _Arrivals()

    def arrived(self, now: float) -> None:
        """Count a request that began at monotonic time `now`."""
        self._arrivals.add(now)

    def decided(self, receipt: Receipt) -> None:
        """Count the outcome of a request."""
        self._by_status[NO_STATUS if receipt.status is None else str(receipt.status)] += 1
        self._by_kind[receipt.kind] += 1
        self._items += len(receipt.items)
        if receipt.fault is not None:
            self._faults[receipt.fault] += 1
        if receipt.applied:
            self._applied_requests += 1
            self._applied_items += len(receipt.items)

    def stats(self) -> Stats:
        """Return the counts so far."""
        faults = {fault.value: self._faults[fault] for fault in Fault}
        throttled = faults.pop(Fault.THROTTLED.value)
        return Stats(
            requests=self._by_status.total(),
            by_status=dict(sorted(self._by_status.items())),
            by_kind={kind.value: self._by_kind[kind] for kind in Kind},
            items=self._items,
            applied_requests=self._applied_requests,
            applied_items=self._applied_items,
            throttled=throttled,
            faults=faults,
            peak_arrivals_per_second=self._arrivals.peak,
        )


class _Arrivals:
    """Remembers the arrivals of the last second, and the most there ever were in one."""

    def __init__(self) -> None:
        self.peak = 0
        self._recent: deque[float] = deque()

    def add(self, now: float) -> None:
        self._recent.append(now)
        while now - self._recent[0] >= 1:
            self._recent.popleft()
        self.peak = max(self.peak, len(self._recent))
