import json

import pytest

from onport_sandbox import Fault, Item, Kind, Receipt, Stats
from onport_sandbox.stats import Tally


def receipt(
    *,
    kind: Kind = Kind.PRODUCT,
    status: int | None = 200,
    fault: Fault | None = None,
    items: int = 1,
) -> Receipt:
    return Receipt(
        at=0.0,
        started=0.0,
        method="POST",
        path="/",
        kind=kind,
        channel="1",
        status=status,
        applied=status == 200,
        fault=fault,
        items=(Item("a", "0"),) * items,
    )


def test_outcomes_are_counted() -> None:
    tally = Tally()
    tally.decided(receipt(items=50))
    tally.decided(receipt(kind=Kind.SALE))
    tally.decided(receipt(status=429, fault=Fault.THROTTLED, items=3))
    tally.decided(receipt(status=None, fault=Fault.RESET))
    assert tally.stats() == Stats(
        requests=4,
        by_status={"200": 2, "429": 1, "none": 1},
        by_kind={"sale": 1, "product": 3, "acknowledge": 0, "disconnect": 0},
        items=55,
        applied_requests=2,
        applied_items=51,
        throttled=1,
        faults={"error": 0, "timeout": 0, "reset": 1, "outage": 0},
        peak_arrivals_per_second=0,
    )


@pytest.mark.parametrize(
    ("arrivals", "peak"),
    [
        ([], 0),
        ([0.0], 1),
        ([0.0, 1.0, 2.0], 1),
        ([0.0, 0.5, 0.999, 1.0, 1.4], 4),
        ([0.9, 0.95, 1.0, 1.05, 5.0, 5.1], 4),
    ],
)
def test_the_peak_is_the_most_arrivals_in_any_sliding_second(
    arrivals: list[float], peak: int
) -> None:
    tally = Tally()
    for arrival in arrivals:
        tally.arrived(arrival)
    assert tally.stats().peak_arrivals_per_second == peak


def test_stats_survive_the_way_through_json() -> None:
    tally = Tally()
    tally.decided(receipt())
    stats = tally.stats()
    assert Stats.from_document(json.loads(json.dumps(stats.to_document()))) == stats
