import pytest
from tests.worker.cli.conftest import Run, bury, put

from onport_queue.flight import Gate, Granted
from onport_queue.names import Kind, Lane
from onport_queue.store import Queue


def test_a_pending_job_is_erased_and_the_books_balance(run: Run, queue: Queue) -> None:
    put(queue, "1", "2")
    result = run("forget", "sale", "1", "--yes")
    assert result.stdout == "Erased: sale:default:1, which was pending.\n"
    stats = queue.stats()
    assert (stats.pending, stats.ledger.discarded, stats.imbalance) == (1, 1, 0)
    assert queue.show(Kind.SALE, "default", "1") is None


def test_a_dead_job_is_erased(run: Run, queue: Queue) -> None:
    bury(queue, "1")
    assert "which was dead" in run("forget", "sale", "1", "--yes").stdout
    assert (queue.stats().dead, queue.stats().imbalance) == (0, 0)


def test_a_product_is_found_by_any_of_its_keys(run: Run, queue: Queue) -> None:
    put(queue, "sku=1", kind=Kind.PRODUCT, lane=Lane.LOW)
    told = run("forget", "product", "1", "--yes").stdout
    assert told == "Erased: product:default:sku=1, which was pending.\n"


def test_what_is_being_sent_is_left_alone(run: Run, queue: Queue) -> None:
    put(queue, "1")
    assert isinstance(queue.claim(Lane.HIGH, Gate(rate=1e6), "lease"), Granted)
    result = run("forget", "sale", "1", "--yes")
    assert result.exit_code == 1
    assert "sale:default:1 is being sent; try again in a moment" in result.stderr
    assert queue.stats().in_flight == 1


def test_what_is_not_held_is_said(run: Run) -> None:
    result = run("forget", "sale", "1", "--yes")
    assert (result.exit_code, result.stdout) == (
        0,
        "Nothing was held of sale '1' on channel default.\n",
    )


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nothing_is_erased_without_a_yes(run: Run, queue: Queue, answer: str) -> None:
    put(queue, "1")
    result = run("forget", "sale", "1", stdin=answer)
    assert result.exit_code == 2
    assert "expected a terminal, or --yes" in result.stderr
    assert queue.stats().pending == 1
