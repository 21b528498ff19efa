"""Whom a crash is blamed on: what was sent alone, by a process that had nothing else under way."""

from tests.queue.bench import FAST, Bench

from onport_queue.flight import Granted
from onport_queue.names import Kind, Lane


def crash(bench: Bench, *leases: str) -> None:
    """Claim once under each lease, let nobody renew them, and give back what they held."""
    for lease in leases:
        bench.pass_ms(1)
        assert isinstance(bench.queue.claim(Lane.LOW, FAST, lease), Granted)
    bench.pass_ms(FAST.lease_ms + 1)
    bench.queue.look([Lane.LOW], 0)


def state(bench: Bench, key: str) -> str:
    view = bench.queue.show(Kind.SALE, "default", key)
    assert view is not None
    return view.state


def test_what_loses_four_leases_and_nothing_else_was_under_way_is_dead(bench: Bench) -> None:
    bench.put("1")
    for number in range(3):
        crash(bench, f"worker-{number}:a")
        assert state(bench, "1") == "pending"
    crash(bench, "worker-3:a")

    assert state(bench, "1") == "dead"
    view = bench.queue.show(Kind.SALE, "default", "1")
    assert view is not None
    assert (view.last_status, view.crashes) == ("poison", 3)


def test_what_loses_its_lease_with_others_of_its_process_is_not_blamed(bench: Bench) -> None:
    bench.put("1", "2")
    for number in range(12):
        crash(bench, f"worker-{number}:a", f"worker-{number}:b")

    assert bench.queue.stats().dead == 0


def test_requests_of_other_processes_are_no_company(bench: Bench) -> None:
    bench.put("1", "2")
    for number in range(4):
        crash(bench, f"worker-{number}:a", f"other-{number}:a")

    assert bench.queue.stats().dead == 2


def test_what_loses_twenty_leases_is_dead_whatever_the_company(bench: Bench) -> None:
    bench.put("1", "2")
    for number in range(19):
        crash(bench, f"worker-{number}:a", f"worker-{number}:b")
    assert bench.queue.stats().dead == 0
    crash(bench, "worker-19:a", "worker-19:b")

    assert (bench.queue.stats().dead, bench.queue.stats().imbalance) == (2, 0)
