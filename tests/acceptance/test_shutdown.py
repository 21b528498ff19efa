"""A worker that is told to stop ends in time, with nothing in the dark."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.relay import HASH, Relay, running, sale

from onport_queue.names import Kind, Lane
from onport_sandbox import SandboxSettings
from onport_worker.fleet import WorkerPlan

ONE = (WorkerPlan("only", (Lane.HIGH, Lane.LOW), 4),)


@contextmanager
def with_a_sale_on_the_wire(home: Path, *, latency_ms: float) -> Iterator[Relay]:
    """Run one worker that waits for the answer to a sale."""
    answers = SandboxSettings(hashes={"default": HASH}, latency_ms=latency_ms, hold_seconds=60)
    with running(home, answers) as relay:
        relay.start_workers(ONE)
        relay.producer.create_sale(sale("1"))
        relay.wait_until(lambda: relay.queue.stats().in_flight == 1, within_s=10)
        relay.run_for(0.5)  # it is out of the gate; now let it be on the wire
        yield relay


def ends_within(relay: Relay, seconds: float) -> float:
    """Wait for the worker's own end and return how long it took."""
    assert relay.fleet is not None
    (process,) = relay.fleet.processes
    took = relay.wait_until(lambda: process.poll() is not None, within_s=seconds)
    assert process.returncode == 0
    return took


def test_term_finishes_what_is_on_the_wire(tmp_path: Path) -> None:
    with with_a_sale_on_the_wire(tmp_path, latency_ms=4_000) as relay:
        relay.signal_workers(signal.SIGTERM)
        took = ends_within(relay, 10)
        stats = relay.queue.stats()
        assert (stats.ledger.delivered, stats.unfinished, stats.ledger.released) == (1, 0, 0)
        assert relay.applied() == {"1": 1}
        print(f"ended {took:.1f} s after TERM")


def test_what_is_unanswered_after_12_s_is_released_as_ambiguous_and_sent_by_another(
    tmp_path: Path,
) -> None:
    with with_a_sale_on_the_wire(tmp_path, latency_ms=25_000) as relay:
        relay.signal_workers(signal.SIGTERM)
        took = ends_within(relay, 15)
        assert took >= 12
        stats = relay.queue.stats()
        assert (stats.pending, stats.in_flight, stats.imbalance) == (1, 0, 0)
        view = relay.queue.show(Kind.SALE, "default", "1")
        assert view is not None
        assert (view.attempts, view.crashes, view.last_status) == (1, 0, "ambiguous")
        print(f"ended {took:.1f} s after TERM")

        relay.sandbox.configure(latency_ms=0)
        relay.stop_workers()
        relay.start_workers(ONE)
        relay.wait_until(relay.is_done, within_s=10)
        assert relay.queue.stats().imbalance == 0


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGQUIT),
        (signal.SIGQUIT,),
    ],
    ids=lambda signals: "+".join(number.name for number in signals),
)
def test_a_second_word_or_quit_releases_and_exits_at_once(
    tmp_path: Path, signals: tuple[signal.Signals, ...]
) -> None:
    with with_a_sale_on_the_wire(tmp_path, latency_ms=25_000) as relay:
        for number in signals:
            relay.signal_workers(number)
            relay.run_for(0.3)
        took = ends_within(relay, 3)
        stats = relay.queue.stats()
        assert (stats.pending, stats.in_flight, stats.imbalance) == (1, 0, 0)
        print(f"ended {took:.1f} s after {signals[-1].name}")


def test_a_worker_ends_in_time_though_the_broker_does_not_answer(tmp_path: Path) -> None:
    with with_a_sale_on_the_wire(tmp_path, latency_ms=25_000) as relay:
        assert relay.fleet is not None
        (process,) = relay.fleet.processes
        with relay.broker_frozen():
            relay.signal_workers(signal.SIGTERM)
            relay.wait_until(lambda: process.poll() is not None, within_s=16)
        assert process.returncode == 1  # it could not give its lease back
        assert relay.queue.stats().in_flight == 1
