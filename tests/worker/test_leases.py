import threading
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from onport_queue.flight import Gate, Granted
from onport_queue.jobs import sale_job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
from onport_queue.store import Queue
from onport_worker.leases import Leases, Unanswered

TERM_S = 30.0
GATE = Gate(rate=1_000, lease_ms=30_000)


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def wall(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.now_s += seconds
        return event.is_set()


@pytest.fixture
def queue(redis_client: redis.Redis) -> Queue:
    return Queue(redis_client, "leases")


def claimed(queue: Queue, lease: str) -> Granted:
    queue.put(
        PutBatch(lease.encode(), Kind.SALE, "default", Lane.HIGH, [sale_job({"externalId": lease})])
    )
    granted = queue.claim(Lane.HIGH, GATE, lease)
    assert isinstance(granted, Granted)
    return granted


def test_a_lease_is_surely_ours_for_its_term_from_the_begin_of_the_claim(queue: Queue) -> None:
    clock = HandClock()
    leases = Leases(queue, clock, TERM_S)
    leases.hold("one", clock.now_s - 4)
    assert leases.left_s("one") == pytest.approx(26)


def test_a_lease_nobody_holds_has_nothing_left(queue: Queue) -> None:
    assert Leases(queue, HandClock(), TERM_S).left_s("unknown") < 0


def test_renewing_gives_a_new_term(queue: Queue) -> None:
    clock = HandClock()
    leases = Leases(queue, clock, TERM_S)
    leases.hold(claimed(queue, "one").lease, clock.now_s)
    clock.now_s += 20
    leases.renew()
    assert leases.left_s("one") == pytest.approx(30)


def test_a_lease_that_redis_gave_away_is_not_ours_any_more(queue: Queue) -> None:
    clock = HandClock()
    leases = Leases(queue, clock, TERM_S)
    leases.hold("never-claimed", clock.now_s)
    leases.renew()
    assert leases.left_s("never-claimed") < 0


def test_a_process_that_slept_past_its_term_does_not_renew(queue: Queue) -> None:
    clock = HandClock()
    leases = Leases(queue, clock, TERM_S)
    leases.hold(claimed(queue, "one").lease, clock.now_s)
    clock.now_s += 31
    leases.renew()
    assert leases.left_s("one") < 0


def test_a_claim_whose_answer_never_came_is_released_with_the_next_renewal(queue: Queue) -> None:
    leases = Leases(queue, HandClock(), TERM_S)
    with suppress(RedisTimeoutError), leases.asking("one"):
        claimed(queue, "one")
        raise RedisTimeoutError("its answer was lost")
    assert leases.unanswered() == (Unanswered("one", sent=False),)
    leases.renew()
    stats = queue.stats()
    assert (stats.pending, stats.in_flight, stats.ledger.expired) == (1, 0, 0)
    assert leases.unanswered() == ()


def test_what_is_unanswered_says_whether_it_was_sent(queue: Queue) -> None:
    leases = Leases(queue, HandClock(), TERM_S)
    for lease in ("claimed", "sent", "settled"):
        leases.hold(lease, 1_000.0)
    assert leases.let_out("sent", 1.0)
    leases.drop("settled")
    with leases.asking("asked"):
        assert set(leases.unanswered()) == {
            Unanswered("claimed", sent=False),
            Unanswered("sent", sent=True),
            Unanswered("asked", sent=False),
        }
    assert len(leases.unanswered()) == 2


def test_nothing_goes_out_once_it_is_withdrawn(queue: Queue) -> None:
    clock = HandClock()
    leases = Leases(queue, clock, TERM_S)
    leases.hold("claimed", clock.now_s)

    assert leases.withdraw() == (Unanswered("claimed", sent=False),)

    assert not leases.let_out("claimed", 0.0)
    assert leases.left_s("claimed") <= 0
    assert leases.unanswered() == (Unanswered("claimed", sent=False),)


def test_what_is_claimed_later_is_held_as_withdrawn(queue: Queue) -> None:
    clock = HandClock()
    leases = Leases(queue, clock, TERM_S)
    leases.withdraw()

    leases.hold("late", clock.now_s)

    assert not leases.let_out("late", 0.0)
    assert leases.withdraw() == (Unanswered("late", sent=False),)


def test_no_renewal_brings_back_what_is_withdrawn(queue: Queue) -> None:
    clock = HandClock()
    leases = Leases(queue, clock, TERM_S)
    leases.hold(claimed(queue, "one").lease, clock.now_s)
    leases.withdraw()

    leases.renew()

    assert not leases.let_out("one", 0.0)


def test_what_is_let_out_while_it_is_withdrawn_is_withdrawn_as_sent(queue: Queue) -> None:
    withdrawn: list[Unanswered] = []

    class Meanwhile(HandClock):
        """A clock whose reading, between the question and its answer, is when the worker ends."""

        def monotonic_s(self) -> float:
            ending.start()
            ending.join(0.1)  # it is let through only once the answer is noted
            return self.now_s

    leases = Leases(queue, Meanwhile(), TERM_S)
    ending = threading.Thread(target=lambda: withdrawn.extend(leases.withdraw()))
    leases.hold("one", 1_000.0)

    assert leases.let_out("one", 1.0)

    ending.join()
    assert withdrawn == [Unanswered("one", sent=True)]
