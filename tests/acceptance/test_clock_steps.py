"""A stepped clock, of the broker's host or of a worker's: no burst, no stall, no lease lost."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.relay import Relay, products, running, sale

from onport_queue.clock import SystemClock
from onport_queue.flight import BURST
from onport_worker.embedded.binary import find_binary

RATE = 20.0
STEPS = ["+1h", "-1h", "+1d", "-1d"]
_LIBRARIES = ("/usr/lib", "/usr/local/lib")

RequireTool = Callable[[str], Path]


class SteppedClock:
    """The time of day of the processes that are started with it, moved by the test."""

    def __init__(self, home: Path, require_tool: RequireTool) -> None:
        require_tool("faketime")
        found = [path for root in _LIBRARIES for path in Path(root).rglob("libfaketime.so.1")]
        self._library = found[0]
        self._offset = home / "offset"
        self.step("+0")

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process live by this clock."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, offset: str) -> None:
        """Move it, from what it would be without us."""
        self._offset.write_text(f"{offset}\n")

    def program(self, home: Path, binary: Path) -> Path:
        """Return a program that is the binary under this clock."""
        variables = " ".join(f"{name}='{value}'" for name, value in self.environment.items())
        path = home / "stepped-valkey-server"
        path.write_text(f"#!/bin/sh\nexec env {variables} '{binary}' \"$@\"\n")
        path.chmod(0o700)
        return path


@pytest.fixture
def clock(tmp_path: Path, require_tool: RequireTool) -> SteppedClock:
    return SteppedClock(tmp_path, require_tool)


def grants_stay_even(relay: Relay, seconds: float) -> None:
    """No burst and no stall, by a clock that was not stepped."""
    clock = SystemClock()
    ends_at = clock.monotonic_s() + seconds
    samples = []  # before and after the look, requests granted
    while clock.monotonic_s() < ends_at:
        before = clock.monotonic_s()
        granted = relay.queue.stats().ledger.requests
        samples.append((before, clock.monotonic_s(), granted))
        relay.run_for(0.2)
    for number, (began, _, earlier) in enumerate(samples):
        for _, ended, later in samples[number:]:
            assert later - earlier <= RATE * (ended - began) + BURST
    for (_, _, earlier), (_, _, later) in zip(samples, samples[6:], strict=False):
        assert later > earlier, "nothing was granted for more than a second"


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_the_brokers_clock_is_not_noticed(
    tmp_path: Path, clock: SteppedClock, step: str
) -> None:
    with running(tmp_path, binary=clock.program(tmp_path, find_binary()), rate=RATE) as relay:
        for number in range(400):
            relay.producer.create_sale(sale(f"s-{number}"))
        relay.sandbox.configure(latency_ms=300)  # so that leases live across the step
        relay.start_workers()
        relay.wait_until(lambda: len(relay.receipts()) >= 2 * RATE, within_s=20)
        clock.step(step)
        grants_stay_even(relay, seconds=4)
        ledger = relay.queue.stats().ledger
        assert (ledger.expired, ledger.fenced) == (0, 0)
        relay.stop_workers()
        assert max(relay.applied().values()) == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_a_workers_clock_is_not_noticed(
    tmp_path: Path, clock: SteppedClock, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, rate=RATE) as relay:
        relay.producer.import_products(products(500))
        for number in range(400):
            relay.producer.create_sale(sale(f"s-{number}"))
        for name, value in clock.environment.items():
            monkeypatch.setenv(name, value)
        relay.start_workers()
        relay.wait_until(lambda: len(relay.receipts()) >= 2 * RATE, within_s=20)
        clock.step(step)
        grants_stay_even(relay, seconds=4)
        ledger = relay.queue.stats().ledger
        assert (ledger.expired, ledger.fenced) == (0, 0)
