"""Somebody hears of what is wrong within a minute, and when it is over; of ids only."""

import json
from pathlib import Path

from tests.acceptance.proxy import Proxy
from tests.acceptance.receiver import Receiver
from tests.acceptance.relay import HASH, Relay, running, sale

from onport_producers import Producer
from onport_sandbox import SandboxSettings
from onport_worker.fleet import AlertsPlan, Fleet

WITHIN_S = 60.0
MARK = "Jane Doe"
ANSWERS = SandboxSettings(hashes={"default": HASH}, poison=frozenset({"dead"}))


def customer_of(key: str) -> dict[str, object]:
    return sale(key) | {"customer": {"name": MARK}}


def await_told(relay: Relay, receiver: Receiver, alert: str, *states: str) -> float:
    """Return after how many seconds exactly this had been told of an alert."""
    return relay.wait_until(lambda: receiver.told(alert) == [*states], within_s=WITHIN_S)


def test_a_dead_sale_a_refused_hash_an_outage_and_a_spool_are_told_and_their_end_too(
    tmp_path: Path,
) -> None:
    with (
        Receiver() as receiver,
        running(tmp_path, ANSWERS, rate=50, alerts={"webhook_url": receiver.url}) as relay,
        Proxy(relay.broker_port) as proxy,
        Fleet(relay.settings_by(proxy.port), [AlertsPlan(every_s=1.0)], relay.log),
    ):
        shop = Producer(relay.settings_by(proxy.port))
        relay.start_workers()
        took: dict[str, float] = {}

        relay.producer.create_sale(customer_of("dead"))
        took["dead_sale"] = await_told(relay, receiver, "dead_sale", "firing")
        relay.queue.discard([letter.key for letter in relay.queue.dead()])
        await_told(relay, receiver, "dead_sale", "firing", "resolved")

        relay.sandbox.configure(hashes={"default": "another"})
        relay.producer.create_sale(customer_of("held-back"))
        took["channel_paused"] = await_told(relay, receiver, "channel_paused", "firing")
        relay.sandbox.configure(hashes={"default": HASH})
        relay.queue.resume()
        await_told(relay, receiver, "channel_paused", "firing", "resolved")

        relay.sandbox.configure(outage="status")
        for number in range(10):
            relay.producer.create_sale(customer_of(f"s-{number}"))
        proxy.refuse()
        shop.create_sale(customer_of("spooled"))
        took["spool_in_use"] = await_told(relay, receiver, "spool_in_use", "firing")
        proxy.listen()
        await_told(relay, receiver, "spool_in_use", "firing", "resolved")
        took["outage"] = await_told(relay, receiver, "outage", "firing")
        relay.sandbox.configure(outage="off")
        relay.queue.resume()  # no waiting for the next probe
        await_told(relay, receiver, "outage", "firing", "resolved")
        relay.wait_until(relay.is_done, within_s=WITHIN_S)

        print(", ".join(f"{alert} told after {s:.1f} s" for alert, s in took.items()))
        assert set(relay.applied()) == {"held-back", "spooled", *(f"s-{n}" for n in range(10))}
        assert relay.queue.stats().imbalance == 0
        dead = next(one for one in receiver.got if one["alert"] == "dead_sale")
        assert dead["subject"] == {
            "channel": "default",
            "count": 1,
            "sales": [{"id": "dead", "status": "422"}],
        }
        stored = b"".join(path.read_bytes() for path in tmp_path.glob("*.log"))
        assert MARK not in json.dumps(receiver.got)
        assert MARK.encode() not in stored
        assert b"T0KEN" not in stored
