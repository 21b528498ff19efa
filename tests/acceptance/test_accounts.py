"""Several channels and accounts in one relay: apart where they must be, fair where they share."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.relay import HASH, running, sale

from onport_producers import InvalidJobError
from onport_queue.names import Lane
from onport_queue.store import Queue
from onport_sandbox import Outage, SandboxProcess, SandboxSettings
from onport_worker.fleet import WorkerPlan

RATE = 50
ORDERS = 100
UK_HASH = "the-hash-of-the-uk"
FEW = (WorkerPlan("low", (Lane.HIGH, Lane.LOW), 8),)


def test_an_account_whose_endpoint_hangs_does_not_slow_another(tmp_path: Path) -> None:
    hung = SandboxSettings(hashes={"uk": UK_HASH}, outage=Outage.HUNG)
    with SandboxProcess(hung, receipts=tmp_path / "uk.jsonl") as uk:
        channels = {"uk": {"account": "uk", "webhook_hash": UK_HASH}}
        own: dict[str, Any] = {"rate": RATE, "read_timeout_s": 5, "channels": channels}
        own["accounts"] = {"uk": {"base_url": uk.url}}
        with running(tmp_path, **own) as relay:
            others = Queue(relay.redis, "uk")
            for number in range(ORDERS):
                relay.producer.create_sale(sale(f"uk-{number}"), channel="uk")
            relay.start_workers(FEW)
            relay.wait_until(lambda: others.stats().in_flight == 4, within_s=10)
            for number in range(ORDERS):
                relay.producer.create_sale(sale(f"{number}"))
            took_s = relay.wait_until(relay.is_done, within_s=30)
            print(f"{ORDERS} orders in {took_s:.1f} s beside an account that hangs")
            assert others.stats().ledger.delivered == 0
            assert set(relay.applied()) == {f"{number}" for number in range(ORDERS)}
            uk.configure(outage=Outage.OFF)
            relay.wait_until(lambda: others.stats().unfinished == 0, within_s=90)
            assert {"uk"} == {receipt.channel for receipt in uk.receipts()}
            for queue in (relay.queue, others):
                stats = queue.stats()
                assert (stats.ledger.delivered, stats.imbalance) == (ORDERS, 0)


def test_channels_of_an_account_take_turns_and_are_sent_with_their_own_hashes(
    tmp_path: Path,
) -> None:
    answers = SandboxSettings(hashes={"default": HASH, "uk": UK_HASH}, latency_ms=10)
    channels = {"uk": {"webhook_hash": UK_HASH}}
    with running(tmp_path, answers, rate=RATE, channels=channels) as relay:
        for number in range(ORDERS):
            relay.producer.create_sale(sale(f"{number}"))
        relay.producer.create_sale(sale("uk-1"), channel="uk")
        relay.start_workers()
        relay.wait_until(relay.is_done, within_s=30)
        receipts = relay.receipts()
        assert all(receipt.status == 200 for receipt in receipts)
        of_uk = [place for place, one in enumerate(receipts) if one.channel == "uk"]
        assert len(of_uk) == 1
        assert of_uk[0] < 5  # not behind the other channel's hundred
        assert len(relay.applied()) == ORDERS + 1


def test_a_channel_that_no_settings_name_is_refused_at_the_put(tmp_path: Path) -> None:
    with running(tmp_path) as relay, closing(relay.redis):
        with pytest.raises(InvalidJobError, match="channel 'uk' is not in the settings"):
            relay.producer.create_sale(sale("1"), channel="uk")
        assert relay.queue.stats().ledger.accepted == 0
