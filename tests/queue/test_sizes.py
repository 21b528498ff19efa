"""Halving a refused batch until the culprit stands alone, and learning how large a batch may be."""

import math
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import pytest
from tests.queue.bench import FAST, Bench

from onport_queue.flight import Answer, Dead, Delivered, Granted, Halve, Settlement
from onport_queue.names import Kind, Lane


@dataclass
class Picky:
    """An endpoint that refuses batches with poison in them, and those that are too large."""

    bench: Bench
    poison: AbstractSet[str] = frozenset()
    most_items: int = 1_000
    most_bytes: int = 10_000_000
    requests: list[int] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)

    def deliver_all(self, at_most: int = 1_000) -> None:
        for _ in range(at_most):
            self.bench.pass_ms(1)
            claim = self.bench.claim(Lane.LOW, FAST)
            if not isinstance(claim, Granted):
                return
            self.answer(claim)
        pytest.fail(f"not done after {at_most} requests")

    def answer(self, flight: Granted) -> None:
        keys = [item.key.rsplit(":", 1)[1] for item in flight.items]
        self.requests.append(len(keys))
        size = sum(len(item.fragments[0].body) for item in flight.items)
        if size > self.most_bytes:
            settlement = self.refusal(len(keys), "413")
        elif len(keys) > self.most_items or self.poison & set(keys):
            settlement = self.refusal(len(keys), "422")
        else:
            self.accepted.update(keys)
            settlement = Settlement([Delivered() for _ in keys])
        self.bench.queue.settle(flight.lease, settlement)

    def refusal(self, many: int, status: str) -> Settlement:
        return Settlement([Dead() if many == 1 else Halve()] * many, Answer.REFUSED, status=status)


def names(many: int) -> list[str]:
    return [f"k{number:04d}" for number in range(many)]


def spread(count: int, many: int) -> set[str]:
    """Return so many names, spread over all of them: the most expensive way to be poisoned."""
    return {names(many)[index * many // count] for index in range(count)}


@pytest.mark.parametrize("culprits", [0, 1, 2, 10])
def test_every_good_item_is_delivered_once_and_only_the_culprits_die(
    bench: Bench, culprits: int
) -> None:
    poison = spread(culprits, 50)
    bench.put(*names(50), kind=Kind.PRODUCT)
    endpoint = Picky(bench, poison)
    endpoint.deliver_all()
    assert endpoint.accepted == Counter(set(names(50)) - poison)
    assert {letter.key.rsplit(":", 1)[1] for letter in bench.queue.dead()} == poison
    assert bench.queue.stats().imbalance == 0


@pytest.mark.parametrize("place", range(50))
def test_a_culprit_costs_at_most_twelve_requests_wherever_it_stands(
    bench: Bench, place: int
) -> None:
    bench.put(*names(50), kind=Kind.PRODUCT)
    endpoint = Picky(bench, {names(50)[place]})
    endpoint.deliver_all()
    assert len(endpoint.requests) - 1 <= 2 * math.ceil(math.log2(50))


@pytest.mark.parametrize("culprits", [2, 10])
def test_culprits_cost_at_most_twice_the_logarithm_each(bench: Bench, culprits: int) -> None:
    bench.put(*names(50), kind=Kind.PRODUCT)
    endpoint = Picky(bench, spread(culprits, 50))
    endpoint.deliver_all()
    assert len(endpoint.requests) - 1 <= 2 * culprits * math.log2(50)


def test_the_parts_of_a_halved_batch_do_not_mix_with_what_comes_after(bench: Bench) -> None:
    bench.put(*names(200), kind=Kind.PRODUCT)
    endpoint = Picky(bench, {names(200)[7]})
    endpoint.deliver_all()
    assert endpoint.requests[-3:] == [50, 50, 50]
    assert len(endpoint.requests) - 4 <= 2 * math.ceil(math.log2(50))


def test_fifty_of_fifty_refused_is_a_pause_and_nobody_dies(bench: Bench) -> None:
    bench.put(*names(50), kind=Kind.PRODUCT)
    endpoint = Picky(bench, set(names(50)))
    endpoint.deliver_all()
    stats = bench.queue.stats()
    assert (stats.dead, stats.pending) == (0, 50)
    assert [pause.scope for pause in stats.pauses] == ["endpoint:default:product"]


def test_a_worker_lost_in_the_middle_leaves_nothing_undone(bench: Bench) -> None:
    poison = spread(2, 50)
    bench.put(*names(50), kind=Kind.PRODUCT)
    endpoint = Picky(bench, poison)
    for _ in range(3):
        bench.pass_ms(1)
        claim = bench.claim(Lane.LOW, FAST)
        assert isinstance(claim, Granted)
        endpoint.answer(claim)
    bench.pass_ms(1)
    assert isinstance(bench.claim(Lane.LOW, FAST), Granted)
    bench.pass_ms(30_001)
    endpoint.deliver_all()
    assert endpoint.accepted == Counter(set(names(50)) - poison)
    assert bench.queue.stats().dead == 2


def test_a_cap_below_ours_is_learnt_from_the_first_batch(bench: Bench) -> None:
    bench.put(*names(200), kind=Kind.PRODUCT)
    endpoint = Picky(bench, most_items=20)
    endpoint.deliver_all()
    assert endpoint.accepted == Counter(names(200))
    assert bench.queue.stats().sizes[0].items == 13
    refused = [size for size in endpoint.requests if size > 20]
    assert refused == [50, 25, 25]


def test_a_learnt_size_is_relaxed_slowly_and_settles_at_the_cap(bench: Bench) -> None:
    endpoint = Picky(bench, most_items=20)
    for start in range(0, 30_000, 500):
        bench.put(*(f"k{start + number}" for number in range(500)), kind=Kind.PRODUCT)
        endpoint.deliver_all()
    assert bench.queue.stats().sizes[0].items == 20
    refused = sum(1 for size in endpoint.requests if size > 20)
    assert refused <= 0.02 * len(endpoint.requests)


def test_a_culprit_teaches_nothing_about_the_size(bench: Bench) -> None:
    bench.put(*names(100), kind=Kind.PRODUCT)
    endpoint = Picky(bench, {names(100)[60]})
    endpoint.deliver_all()
    assert bench.queue.stats().sizes == ()


def test_a_413_teaches_the_bytes(bench: Bench) -> None:
    bench.put(*names(200), kind=Kind.PRODUCT, body=b'"%s"' % (b"x" * 998))
    endpoint = Picky(bench, most_bytes=30_000)
    endpoint.deliver_all()
    assert endpoint.accepted == Counter(names(200))
    assert bench.queue.stats().sizes[0].bytes == 25_000
    assert [size for size in endpoint.requests if size * 1000 > 30_000] == [50]


def test_sizes_are_learnt_per_kind(bench: Bench) -> None:
    bench.put(*names(50), kind=Kind.PRODUCT)
    Picky(bench, most_items=20).deliver_all()
    bench.put_links(Kind.ACKNOWLEDGE, "sku", "one")
    assert [size.kind for size in bench.queue.stats().sizes] == [Kind.PRODUCT]


def test_a_learnt_size_that_is_no_longer_below_ours_is_forgotten(bench: Bench) -> None:
    endpoint = Picky(bench, most_items=20)
    bench.put(*names(50), kind=Kind.PRODUCT)
    endpoint.deliver_all()
    endpoint.most_items = 1_000
    for start in range(0, 30_000, 500):
        bench.put(*(f"n{start + number}" for number in range(500)), kind=Kind.PRODUCT)
        endpoint.deliver_all()
    assert bench.queue.stats().sizes == ()
