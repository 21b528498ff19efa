from onport_sandbox import (
    ENDPOINTS,
    Fault,
    ManualClock,
    MemoryReceipts,
    Outage,
    Receipt,
    SandboxSettings,
)
from onport_sandbox.sandbox import Sandbox
from onport_sandbox.verdicts import InboundRequest

SALE = ENDPOINTS[0]


class Bench:
    """A sandbox with its clock and receipts in hand."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.clock = ManualClock()
        self.receipts = MemoryReceipts()
        self.sandbox = Sandbox(settings, clock=self.clock, receipts=self.receipts)

    def send(self, key: str = "1001", *, webhook_hash: bytes = b"sandbox") -> Receipt:
        request = InboundRequest(
            endpoint=SALE,
            method=SALE.method,
            content_type=b"application/json",
            body=b'{"externalId":"%s"}' % key.encode(),
            started=self.sandbox.arrived(),
        )
        self.sandbox.decide(request, webhook_hash)
        return list(self.receipts)[-1]

    def statuses(self, count: int) -> list[int | None]:
        return [self.send().status for _ in range(count)]


def test_the_order_of_receipts_is_the_order_of_application() -> None:
    bench = Bench(SandboxSettings())
    for key in ("b", "a", "c"):
        bench.send(key)
    assert [receipt.items[0].key for receipt in bench.receipts] == ["b", "a", "c"]


def test_a_receipt_tells_when_a_request_began_and_when_it_was_whole() -> None:
    bench = Bench(SandboxSettings())
    request = InboundRequest(
        endpoint=SALE,
        method="POST",
        content_type=b"application/json",
        body=b"{}",
        started=bench.sandbox.arrived(),
    )
    bench.clock.advance(0.5)
    bench.sandbox.decide(request, b"sandbox")
    (receipt,) = bench.receipts
    assert receipt.at - receipt.started == 0.5


def test_a_wrong_hash_has_no_channel_and_takes_no_token() -> None:
    bench = Bench(SandboxSettings(rate=1, burst=1))
    refused = bench.send(webhook_hash=b"wrong")
    assert (refused.status, refused.channel, refused.applied) == (401, None, False)
    assert bench.send().status == 200


def test_more_than_the_rate_is_throttled_until_the_clock_moves() -> None:
    bench = Bench(SandboxSettings(rate=10))
    assert bench.statuses(3) == [200, 200, 429]
    bench.clock.advance(0.1)
    assert bench.statuses(2) == [200, 429]


def test_a_throttled_request_draws_no_fault() -> None:
    quiet = Bench(SandboxSettings(error=0.5, seed=4))
    expected = quiet.statuses(20)
    throttled = Bench(SandboxSettings(error=0.5, seed=4, rate=1, burst=1))
    statuses: list[int | None] = []
    while len(statuses) < 20:
        statuses += throttled.statuses(1)
        assert throttled.send().fault is Fault.THROTTLED
        throttled.clock.advance(1)
    assert statuses == expected


def test_faults_repeat_with_their_seed() -> None:
    settings = SandboxSettings(error=0.2, timeout=0.2, reset=0.2, seed=5)
    one, other = Bench(settings), Bench(settings)
    drawn = [one.send().fault for _ in range(40)]
    assert drawn == [other.send().fault for _ in range(40)]
    assert {*drawn} == {None, Fault.ERROR, Fault.TIMEOUT, Fault.RESET}


def test_settings_hold_from_the_next_request_on() -> None:
    bench = Bench(SandboxSettings())
    bench.sandbox.change(SandboxSettings(outage=Outage.STATUS))
    assert bench.send().fault is Fault.OUTAGE
    bench.sandbox.change(SandboxSettings())
    assert bench.send().applied


def test_a_change_of_other_settings_refills_no_bucket() -> None:
    bench = Bench(SandboxSettings(rate=10))
    bench.statuses(2)
    bench.sandbox.change(SandboxSettings(rate=10, latency_ms=5))
    assert bench.statuses(1) == [429]


def test_a_reset_goes_back_to_the_start_but_keeps_the_receipts() -> None:
    bench = Bench(SandboxSettings(rate=10, error=0.5))
    before = bench.statuses(3)
    bench.sandbox.change(SandboxSettings())
    bench.sandbox.reset()
    assert bench.sandbox.stats().requests == 0
    assert bench.statuses(3) == before
    assert len(list(bench.receipts)) == 6


def test_the_peak_counts_throttled_requests_too() -> None:
    bench = Bench(SandboxSettings(rate=10))
    bench.statuses(5)
    stats = bench.sandbox.stats()
    assert (stats.peak_arrivals_per_second, stats.throttled, stats.applied_requests) == (5, 3, 2)
