"""A wrong hash kills nothing, and once it is right everything goes by itself."""

from pathlib import Path

import pytest
from tests.acceptance.relay import HASH, running, sale

from onport_sandbox import SandboxSettings

SALES = 100


@pytest.mark.parametrize("status", [401, 403, 400, 404])
def test_a_wrong_hash_kills_nothing_and_the_right_one_delivers_within_ten_seconds(
    tmp_path: Path, status: int
) -> None:
    answers = SandboxSettings(hashes={"default": HASH}, hash_status=status)
    with running(tmp_path, answers, rate=50) as relay:
        for number in range(SALES):
            relay.producer.create_sale(sale(f"s-{number}"))
        relay.start_workers(webhook_hash="a-wrong-hash")
        relay.wait_until(
            lambda: any(pause.cause == "refused" for pause in relay.queue.stats().pauses),
            within_s=10,
        )
        relay.wait_until(lambda: relay.queue.stats().in_flight == 0, within_s=10)
        stats = relay.queue.stats()
        assert (stats.dead, stats.pending) == (0, SALES)
        relay.stop_workers()

        relay.start_workers()
        took = relay.wait_until(relay.is_done, within_s=10)
        print(f"{status}: {SALES} sales delivered {took:.1f} s after the right hash")
        assert relay.applied() == {f"s-{number}": 1 for number in range(SALES)}
        assert relay.queue.stats().dead == 0


def test_during_a_rotation_both_hashes_are_given_and_the_one_that_works_is_used(
    tmp_path: Path,
) -> None:
    answers = SandboxSettings(hashes={"default": HASH})
    with running(tmp_path, answers, rate=50) as relay:
        for number in range(SALES):
            relay.producer.create_sale(sale(f"s-{number}"))
        relay.start_workers(webhook_hash="the-hash-that-was", webhook_hash_next=HASH)
        relay.wait_until(relay.is_done, within_s=10)
        refused = [receipt for receipt in relay.receipts() if receipt.status == 401]
        assert 1 <= len(refused) <= 5  # those on the wire when the first was answered
        assert len(relay.applied()) == SALES


def test_no_hash_reaches_the_broker_or_the_log(tmp_path: Path) -> None:
    with running(tmp_path, rate=50) as relay:
        relay.producer.create_sale(sale("1"))
        relay.start_workers(webhook_hash="a-wrong-hash", webhook_hash_next=HASH)
        relay.wait_until(relay.is_done, within_s=10)
        relay.stop_workers()
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"a-wrong-hash" not in written
    assert HASH.encode() not in written
