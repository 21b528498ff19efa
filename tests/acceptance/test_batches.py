"""A refused batch is halved until each culprit stands alone, even if a worker is killed."""

import math
from pathlib import Path

import pytest
from tests.acceptance.relay import HASH, Relay, products, running

from onport_sandbox import SandboxSettings

ITEMS = 50
KEYS = [str(item["sku"]) for item in products(ITEMS)]


def culprits(many: int) -> frozenset[str]:
    """Return so many of the keys, as far from each other as can be."""
    return frozenset(KEYS[number * ITEMS // many] for number in range(many))


def picky(poison: frozenset[str]) -> SandboxSettings:
    return SandboxSettings(
        hashes={"default": HASH}, poison=poison, poison_status=422, latency_ms=20
    )


def good_are_delivered_once_and_culprits_dead(relay: Relay, poison: frozenset[str]) -> None:
    assert relay.applied() == dict.fromkeys(set(KEYS) - poison, 1)
    letters = {letter.key.rpartition("=")[2]: letter for letter in relay.queue.dead()}
    assert letters.keys() == poison
    assert all(letter.last_status == "422" for letter in letters.values())
    assert relay.queue.stats().imbalance == 0


@pytest.mark.parametrize("many", [0, 1, 2, 10])
def test_good_items_are_delivered_once_and_each_culprit_dies_of_its_own_answer(
    tmp_path: Path, many: int
) -> None:
    poison = culprits(many)
    with running(tmp_path, picky(poison), rate=100) as relay:
        relay.producer.import_products(products(ITEMS))
        relay.start_workers()
        relay.wait_until(relay.is_done, within_s=20)
        good_are_delivered_once_and_culprits_dead(relay, poison)
        extra = len(relay.receipts()) - 1
        print(f"{many} culprits: {extra} extra requests")
        assert extra <= 2 * many * math.ceil(math.log2(ITEMS))


def test_when_all_fifty_are_refused_the_endpoint_is_paused_and_nobody_dies(tmp_path: Path) -> None:
    with running(tmp_path, picky(frozenset(KEYS)), rate=100) as relay:
        relay.producer.import_products(products(ITEMS))
        relay.start_workers()
        relay.wait_until(lambda: bool(relay.queue.stats().pauses), within_s=20)
        relay.wait_until(lambda: relay.queue.stats().in_flight == 0, within_s=10)
        stats = relay.queue.stats()
        assert (stats.dead, stats.pending) == (0, ITEMS)
        assert [pause.scope for pause in stats.pauses] == ["endpoint:default:product"]


def test_a_cap_below_ours_is_learnt_and_nothing_dies(tmp_path: Path) -> None:
    answers = SandboxSettings(hashes={"default": HASH}, max_items=20, max_items_status=422)
    with running(tmp_path, answers, rate=100) as relay:
        relay.producer.import_products(products(1_000))
        relay.start_workers()
        relay.wait_until(relay.is_done, within_s=30)
        stats = relay.queue.stats()
        assert stats.dead == 0
        assert stats.sizes[0].items is not None
        assert 13 <= stats.sizes[0].items <= 20
        assert len(relay.applied()) == 1_000
        refused = sum(1 for receipt in relay.receipts() if not receipt.applied)
        print(f"cap of 20: learnt {stats.sizes[0].items}, {refused} refused requests")


def test_a_worker_killed_in_the_middle_of_halving_changes_no_outcome(tmp_path: Path) -> None:
    poison = culprits(2)
    with running(tmp_path, picky(poison), rate=20, lease_s=10) as relay:
        relay.producer.import_products(products(ITEMS))
        relay.start_workers()
        relay.wait_until(lambda: len(relay.receipts()) >= 4, within_s=10)
        relay.kill_a_worker(1)
        assert relay.fleet is not None
        relay.wait_until(lambda: bool(relay.fleet and relay.fleet.restart_ended()), within_s=10)

        def is_done() -> bool:
            assert relay.fleet is not None
            relay.fleet.restart_ended()
            return relay.is_done()

        relay.wait_until(is_done, within_s=60)
        assert set(relay.applied()) == set(KEYS) - poison
        letters = {letter.key.rpartition("=")[2] for letter in relay.queue.dead()}
        assert letters == poison
        # What the killed worker had on the wire may come twice, and alone.
        doubled = sum(count - 1 for count in relay.applied().values())
        extra = len(relay.receipts()) - 1
        print(f"killed: {extra} extra requests, {doubled} items twice")
        assert extra <= 2 * len(poison) * math.ceil(math.log2(ITEMS)) + ITEMS
