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
from itertools import chain
from pathlib import Path
from statistics import median

import pytest
from tests.acceptance.crowd import Crowd, Order
from tests.acceptance.proxy import Proxy
from tests.acceptance.relay import Relay, running

from onport_queue.clock import SystemClock
from onport_queue.settings import Settings
from onport_worker.embedded.address import choose_port, is_free
from onport_worker.fleet import worker_environment

CUSTOMERS = 4
OUTAGES = 3
PHASE_S = 1.0
BOUND_S = 0.4
CLOCK = SystemClock()
ROOT = Path(__file__).parents[2]

GUNICORN = (
    *("-m", "gunicorn", "tests.acceptance.checkout:app"),
    *("--workers", "2", "--no-control-socket"),
)
UVICORN = ("-m", "uvicorn", "tests.acceptance.checkout:asgi", "--log-level", "warning")
SERVERS = {
    "sync": GUNICORN,
    "sync-preload": (*GUNICORN, "--preload"),
    "sync-recycled": (*GUNICORN, "--preload", "--max-requests", "50"),
    "threads": (*GUNICORN, "--worker-class", "gthread", "--threads", "4"),
    "threads-preload": (*GUNICORN, "--worker-class", "gthread", "--threads", "4", "--preload"),
    "gevent": (*GUNICORN, "--worker-class", "gevent"),
    "gevent-preload": (
        *(*GUNICORN, "--worker-class", "gevent", "--preload"),
        *("--config", "python:tests.acceptance.patched_early"),
    ),
    "gevent-preload-patched-late": (*GUNICORN, "--worker-class", "gevent", "--preload"),
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


@contextmanager
def checkout(home: Path, server: str) -> Iterator[tuple[Relay, Proxy, Server, Crowd]]:
    """Run a relay and a checkout that reaches its broker by the proxy."""
    with running(home, rate=500.0) as relay, Proxy(relay.broker_port) as proxy:
        relay.start_workers()
        with serving(relay, relay.settings_by(proxy.port), SERVERS[server]) as web:
            crowd = Crowd(web.port, CUSTOMERS)
            crowd.order("opening")  # answered once the application is loaded
            yield relay, proxy, web, crowd


def await_end(relay: Relay) -> None:
    relay.wait_until(lambda: not relay.is_spooling() and relay.is_done(), within_s=30)


def assert_delivered_once(relay: Relay, crowd: Crowd) -> None:
    applied, answered = relay.applied(), {order.key for order in crowd.orders}
    assert answered - applied.keys() == set()
    assert {key: many for key, many in applied.items() if many > 1} == {}
    stats = relay.queue.stats()
    assert (stats.dead, stats.imbalance, stats.ledger.folded) == (0, 0, 0)
    assert stats.ledger.accepted - stats.ledger.duplicate == len(applied)


@pytest.mark.parametrize(
    "server",
    [
        *("sync", "sync-preload", "sync-recycled", "threads-preload"),
        *("gevent", "gevent-preload-patched-late", "asyncio"),
    ],
)
def test_every_order_that_was_answered_is_delivered_once(tmp_path: Path, server: str) -> None:
    with checkout(tmp_path, server) as (relay, proxy, _, crowd):
        outages = []
        for _ in range(OUTAGES):
            with crowd.ordering():
                relay.run_for(PHASE_S)
                began_s = CLOCK.monotonic_s()
                proxy.refuse()
                relay.run_for(PHASE_S)
                outages.append(crowd.between(began_s, CLOCK.monotonic_s()))
                proxy.listen()
                relay.run_for(PHASE_S)
            await_end(relay)
        orders = list(chain(*outages))
        tell(f"{server}, broker away", orders)
        tell(f"{server}, broker there", [one for one in crowd.orders if one.state != "spooled"])
        assert_delivered_once(relay, crowd)
        if "--max-requests" not in SERVERS[server]:  # gunicorn may cut those that come at its end
            assert crowd.unanswered == {}
        assert Counter(order.state for order in orders)["spooled"] > len(orders) / 2
        assert median(max(order.seconds for order in outage) for outage in outages) < BOUND_S


@pytest.mark.parametrize(
    "server",
    ["sync-preload", "threads", "gevent-preload", "gevent-preload-patched-late", "asyncio"],
)
def test_what_a_server_spooled_is_flushed_by_the_processes_that_replace_its_own(
    tmp_path: Path, server: str
) -> None:
    with checkout(tmp_path, server) as (relay, proxy, web, crowd):
        with crowd.ordering():
            relay.run_for(PHASE_S)
            proxy.refuse()
            relay.run_for(PHASE_S)
            web.reload()
            relay.run_for(2 * PHASE_S)
        assert "spooled" in {order.state for order in crowd.orders}
        web.reload()
        took_orders = {order.pid for order in crowd.orders}
        relay.wait_until(lambda: not any(map(is_alive, took_orders)), within_s=20)
        proxy.listen()  # nobody orders any more
        await_end(relay)
        print(f"{server}: {len(crowd.orders)} orders, {len(took_orders)} processes")
        assert_delivered_once(relay, crowd)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def tell(what: str, orders: Sequence[Order]) -> None:
    seconds = sorted(order.seconds for order in orders)
    blocked_s = max(order.blocked_s for order in orders)
    print(
        f"{what}: {len(orders)} orders, create_sale "
        f"{seconds[len(seconds) // 2] * 1000:.1f} ms in the median, "
        f"{seconds[int(len(seconds) * 0.99)] * 1000:.0f} ms at 99 %, "
        f"{seconds[-1] * 1000:.0f} ms at most; {len({order.pid for order in orders})} processes"
        + (f"; other greenlets or tasks waited {blocked_s * 1000:.0f} ms" if blocked_s else "")
    )
