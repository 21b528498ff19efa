"""A checkout behind a real web server waits for nothing and loses no order.

Every order that was answered is delivered once, whichever process of the server took it, whether
the broker was there or not, and whatever became of that process.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.crowd import Crowd, Order
from tests.acceptance.proxy import Proxy
from tests.acceptance.relay import Relay, running

from onport_queue.clock import SystemClock
from onport_queue.settings import Settings
from onport_worker.embedded.address import choose_port, is_free
from onport_worker.fleet import worker_environment

CUSTOMERS = 8
PHASE_S = 2.0
BOUND_S = 0.4
CLOCK = SystemClock()
ROOT = Path(__file__).parents[2]

GUNICORN = ("-m", "gunicorn", "tests.acceptance.checkout:app", "--workers", "2", "--no-control-socket")
UVICORN = ("-m", "uvicorn", "tests.acceptance.checkout:asgi", "--log-level", "warning")
SERVERS = {
    "sync": GUNICORN,
    "sync-preload": (*GUNICORN, "--preload"),
    "threads": (*GUNICORN, "--worker-class", "gthread", "--threads", "4"),
    "threads-preload": (*GUNICORN, "--worker-class", "gthread", "--threads", "4", "--preload"),
    "gevent": (*GUNICORN, "--worker-class", "gevent"),
    "gevent-preload": (*GUNICORN, "--worker-class", "gevent", "--preload"),
    "asyncio": (*UVICORN, "--workers", "2"),
}


class Server:
    """A web server with the checkout in it."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process = process
        self.port = port

    def reload(self) -> None:
        """Replace its processes, as a deployment does."""
        self.process.send_signal(signal.SIGHUP)


@contextmanager
def serving(relay: Relay, settings: Settings, command: Sequence[str]) -> Iterator[Server]:
    """Run a server while the context lasts."""
    port = choose_port(0, last=None)
    address = ("--port", str(port)) if "uvicorn" in command else ("--bind", f"127.0.0.1:{port}")
    environment = worker_environment(settings) | {"PYTHONPATH": str(ROOT)}
    with (relay.home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command, *address], env=environment, stdout=log, stderr=log
        )
    try:
        relay.wait_until(lambda: not is_free(port) or process.poll() is not None, within_s=20)
        assert process.poll() is None, (relay.home / "server.log").read_text()
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait(20)


def slowest(orders: Sequence[Order]) -> list[Order]:
    return sorted(orders, key=lambda order: order.seconds)[-3:]


@pytest.mark.parametrize("server", SERVERS)
def test_every_order_that_was_answered_is_delivered_once(tmp_path: Path, server: str) -> None:
    with running(tmp_path, rate=500.0) as relay, Proxy(relay.broker_port) as proxy:
        relay.start_workers()
        with serving(relay, relay.settings_by(proxy.port), SERVERS[server]) as web:
            crowd = Crowd(web.port, CUSTOMERS)
            with crowd.ordering():
                relay.run_for(PHASE_S)
                away_s = CLOCK.monotonic_s()
                proxy.refuse()
                relay.run_for(PHASE_S)
                back_s = CLOCK.monotonic_s()
                proxy.listen()
                relay.run_for(PHASE_S)
            relay.wait_until(lambda: relay.is_done() and not relay.is_spooling(), within_s=30)
            applied = relay.applied()

        during = crowd.between(away_s, back_s)
        tell(server, crowd.between(0, away_s), during)
        assert crowd.unanswered == {}
        assert Counter(order.state for order in during)["spooled"] > len(during) / 2
        ordered = {order.key for order in crowd.orders}
        assert {key: many for key, many in applied.items() if key in ordered} == dict.fromkeys(ordered, 1)
        stats = relay.queue.stats()
        assert (stats.dead, stats.imbalance, stats.ledger.folded) == (0, 0, 0)
        assert stats.ledger.accepted - stats.ledger.duplicate == len(applied)
        assert slowest(during)[1].seconds < BOUND_S


def tell(server: str, before: Sequence[Order], during: Sequence[Order]) -> None:
    for name, orders in (("there", before), ("away", during)):
        seconds = sorted(order.seconds for order in orders)
        blocked = max(order.blocked_s for order in orders)
        print(
            f"{server}, broker {name}: {len(orders)} orders, create_sale "
            f"{seconds[len(seconds) // 2] * 1000:.1f} ms in the median, "
            f"{seconds[int(len(seconds) * 0.99)] * 1000:.0f} ms at 99 %, "
            f"{seconds[-1] * 1000:.0f} ms at most; nothing else ran for {blocked * 1000:.0f} ms; "
            f"{len({order.pid for order in orders})} processes"
        )
