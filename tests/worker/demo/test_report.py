import re
from dataclasses import replace
from io import StringIO

from rich.console import Console

from onport_queue.names import Lane
from onport_sandbox import Fault, Item, Kind, Receipt
from onport_worker.demo.diary import Entry
from onport_worker.demo.report import Report, account
from onport_worker.demo.view import show


def put(key: str, digest: str = "a", *, at: float = 100.0, lane: Lane = Lane.HIGH) -> Entry:
    return Entry("sale", key, digest, lane, at)


def received(
    key: str,
    digest: str = "a",
    *,
    at: float = 100.05,
    fault: Fault | None = None,
    applied: bool = True,
) -> Receipt:
    return Receipt(
        at=at,
        started=at,
        method="POST",
        path="/manual-sale.json",
        kind=Kind.SALE,
        channel="default",
        status=None if fault else 200,
        applied=applied,
        fault=fault,
        items=(Item(key, digest),),
    )


def report(
    entries: list[Entry], receipts: list[Receipt], *, dead: int = 0, imbalance: int = 0
) -> Report:
    return account(
        entries, receipts, allowed=10, batch_items=50, folded=0, dead=dead, imbalance=imbalance
    )


def test_all_is_well_when_everything_meant_has_arrived_once() -> None:
    found = report([put("1"), put("2")], [received("1"), received("2", at=100.15)])
    assert found.faults == ()
    assert (found.accepted, found.delivered, found.requests.made, found.requests.least) == (
        2,
        2,
        2,
        2,
    )


def test_what_never_arrived_is_lost() -> None:
    found = report([put("1"), put("2")], [received("1")])
    assert found.lost == 1
    assert found.faults == ("lost 1",)


def test_what_the_queue_holds_as_dead_is_not_lost_but_off() -> None:
    found = report([put("1")], [received("1", applied=False)], dead=1)
    assert found.lost == 0
    assert found.faults == ("dead 1",)


def test_an_older_state_that_arrived_last_is_stale() -> None:
    entries = [put("1", "old"), put("1", "new", at=100.01)]
    assert report(entries, [received("1", "new"), received("1", "old", at=100.1)]).stale == 1
    assert report(entries, [received("1", "old"), received("1", "new", at=100.1)]).stale == 0


def test_a_folded_state_that_never_arrived_by_itself_is_neither_lost_nor_stale() -> None:
    entries = [put("1", "old"), put("1", "new", at=100.01)]
    assert report(entries, [received("1", "new")]).faults == ()


def test_a_repetition_after_an_unanswered_request_is_a_duplicate_within_bounds() -> None:
    found = report([put("1")], [received("1", fault=Fault.TIMEOUT), received("1", at=103)])
    assert (found.duplicates, found.ambiguous, found.faults) == (1, 1, ())


def test_a_repetition_without_a_reason_is_off() -> None:
    found = report([put("1")], [received("1"), received("1", at=100.1)])
    assert found.faults == ("duplicates 1, more than the 0 ambiguous",)


def test_an_imbalance_is_off() -> None:
    assert report([put("1")], [received("1")], imbalance=-1).faults == ("imbalance -1",)


def test_waits_are_counted_from_the_call_to_the_first_arrival() -> None:
    found = report([put("1")], [received("1", at=100.25), received("1", at=101)])
    assert found.high_wait_ms.max == 250.0


def test_efficiency_counts_only_time_in_which_something_could_be_sent() -> None:
    entries = [put("1", at=100.0), put("2", at=500.0)]
    found = report(entries, [received("1", at=100.1), received("2", at=500.1)])
    assert found.rate.efficiency == 1.0


def test_the_worst_second_slides() -> None:
    receipts = [received(str(number), at=100 + number / 10) for number in range(5)]
    late = replace(receipts[0], at=101.05)
    assert report([put("0")], [*receipts, late]).rate.worst_second == 5


def test_an_update_of_an_unanswered_sale_is_not_taken_for_sendable() -> None:
    entries = [put("1", "old"), put("1", "new", at=100.1)]
    receipts = [received("1", "old", fault=Fault.TIMEOUT), received("1", "new", at=104)]
    assert report(entries, receipts).rate.efficiency == 2.0


def shown(report: Report) -> str:
    console = Console(file=StringIO(), width=80)
    with console.capture() as captured:
        show(report, console)
    return captured.get()


def test_what_the_shop_handed_over_adds_up() -> None:
    entries = [put("1"), put("1", "b", at=101), put("2"), put("2", "b", at=102), put("3")]
    receipts = [received("1"), received("1", "b", at=101.1), received("2", "b", at=102.1)]
    table = shown(replace(report(entries, receipts), folded=1))

    rows = re.findall(r"│ [=+] .*│ +([\d /]+) │", table)
    counts = [[int(count) for count in row.split("/")] for row in rows]

    assert counts == [[2], [1], [1], [1, 0]]
    assert sum(map(sum, counts)) == len(entries)


def test_nobody_is_told_to_have_used_more_than_all_of_the_rate() -> None:
    found = report([put("1")], [received("1")])
    assert "101" not in shown(replace(found, rate=replace(found.rate, efficiency=1.01)))
    assert "100.0%" in shown(replace(found, rate=replace(found.rate, efficiency=1.01)))


def test_newer_states_are_counted_from_what_arrived_not_from_what_is_missing() -> None:
    entries = [put("1"), put("1", "b"), put("1", "c"), put("2")]
    found = report(entries, [received("1"), received("1", "c"), received("1", "c"), received("2")])
    assert (found.accepted, found.delivered, found.later_states) == (4, 2, 1)  # b: not seen
