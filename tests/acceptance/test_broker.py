"""Whatever happens to the broker, nothing is lost and the workers go on by themselves.

RELAY_OUTAGE_S=60 makes the outage as long as the promise is worded for; it is longer than a lease
by default.
"""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError
from tests.acceptance.accounting import account
from tests.acceptance.goods import Counter, Goods
from tests.acceptance.history import History, read_history
from tests.acceptance.proxy import Proxy
from tests.acceptance.relay import Relay, products, running, sale
from tests.acceptance.server import ShippedServer

from onport_producers import Producer, State
from onport_queue.clock import SystemClock
from onport_queue.names import Lane
from onport_worker.fleet import Fleet, WorkerPlan, worker_environment

LEASE_S = 10.0
OUTAGE_S = float(os.environ.get("RELAY_OUTAGE_S", "12"))
KILLS = 12
BACK_WITHIN_S = 5.0
TWO = tuple(WorkerPlan(name, (Lane.HIGH, Lane.LOW), 8) for name in ("one", "two"))
CLOCK = SystemClock()

RequireTool = Callable[[str], Path]

pytestmark = pytest.mark.timeout(120 + OUTAGE_S)


@contextmanager
def with_a_server(home: Path, server: ShippedServer, **settings: Any) -> Iterator[Relay]:
    """Run a relay on a server that the test may kill."""
    set_here: dict[str, Any] = {"lease_s": LEASE_S, "rate": 50.0, **settings}
    with server, running(home, broker=server, **set_here) as relay:
        yield relay


def arrived(relay: Relay) -> int:
    return sum(relay.applied().values())


class Shop(threading.Thread):
    """Puts goods of all kinds until it is told to stop."""

    def __init__(self, producer: Producer, log: Path) -> None:
        super().__init__(daemon=True)
        self._producer = producer
        self._log = log
        self._stop_asked = threading.Event()

    def run(self) -> None:
        """Put about fifty times a second."""
        goods = Goods("k", 200, random.Random(1))
        with History(self._log) as history:
            counter = Counter(self._producer, history)
            for puts in goods.some():
                counter.put(puts)
                if CLOCK.wait(self._stop_asked, 0.02):
                    return

    def finish(self) -> None:
        """End it, and return when it has."""
        self._stop_asked.set()
        self.join()


def test_twelve_kills_of_the_broker_under_load_lose_nothing(tmp_path: Path) -> None:
    server, log = ShippedServer(tmp_path / "data"), tmp_path / "history.jsonl"
    with with_a_server(tmp_path, server) as relay:
        config = relay.redis.config_get("append*")
        assert (config["appendonly"], config["appendfsync"]) == ("yes", "always")
        relay.start_workers(TWO)
        shop, chance = Shop(relay.producer, log), random.Random(1)
        shop.start()
        for _ in range(KILLS):
            relay.run_for(chance.uniform(0.5, 1.5))
            server.kill()
            relay.run_for(chance.uniform(0, 0.3))
            server.start()
        relay.run_for(1)
        shop.finish()
        relay.wait_until(lambda: relay.is_done() and not relay.is_spooling(), within_s=60)
        verdict = account([read_history(log)], relay.sandbox.receipts(), relay.held())
        print(
            f"{KILLS} kills: {verdict.acknowledged:,} acknowledged, lost {len(verdict.lost)}, "
            f"stale {len(verdict.stale)}, {verdict.duplicates} duplicates"
        )
        assert verdict.faults == ()
        assert verdict.acknowledged > 200
        assert (relay.queue.stats().dead, relay.queue.stats().imbalance) == (0, 0)


def test_workers_go_on_within_5_s_of_the_brokers_return_and_nothing_is_poisoned(
    tmp_path: Path,
) -> None:
    server = ShippedServer(tmp_path / "data")
    with with_a_server(tmp_path, server, rate=20.0) as relay:
        relay.producer.import_products(products(3_000))
        for number in range(200):
            relay.producer.create_sale(sale(f"s{number}"))
        relay.start_workers(TWO)
        relay.wait_until(lambda: arrived(relay) > 20, within_s=10)
        for outage_s in (OUTAGE_S, 1.0, 2.0):
            server.kill()
            relay.run_for(outage_s)
            server.start()
            took = went_on(relay)
            print(f"went on {took:.1f} s after the broker's return from {outage_s:g} s")
            assert took < BACK_WITHIN_S
        relay.wait_until(relay.is_done, within_s=60)
        stats = relay.queue.stats()
        assert (stats.dead, stats.ledger.expired, stats.imbalance) == (0, 0, 0)
        assert len(relay.applied()) == 3_200


def test_a_worker_that_starts_while_there_is_no_broker_waits_for_it(tmp_path: Path) -> None:
    server = ShippedServer(tmp_path / "data")
    with with_a_server(tmp_path, server) as relay:
        relay.producer.create_sale(sale("1"))
        server.kill()
        with Fleet(relay.settings, TWO, relay.log) as fleet:
            relay.wait_until(
                lambda: relay.log.read_text().count("broker_awaited") == 2, within_s=15
            )
            impatient, patient = fleet.processes
            impatient.terminate()
            assert impatient.wait(10) == 0
            server.start()
            took = relay.wait_until(lambda: relay.applied() == {"1": 1}, within_s=15)
            print(f"at work {took:.1f} s after the broker's start")
            assert patient.poll() is None


def test_workers_go_on_after_a_connection_was_half_open(tmp_path: Path) -> None:
    with running(tmp_path, rate=20.0) as relay, Proxy(relay.broker_port) as proxy:
        relay.producer.import_products(products(5_000))
        with Fleet(relay.settings_by(proxy.port), TWO, relay.log):
            relay.wait_until(lambda: arrived(relay) > 20, within_s=20)
            proxy.swallow()
            relay.run_for(8)
            proxy.unblock()
            took = went_on(relay)
            print(f"went on {took:.1f} s after packets passed again")
            assert took < 2 * BACK_WITHIN_S  # no more than a time-out is waited for
            relay.wait_until(relay.is_done, within_s=30)
        stats = relay.queue.stats()
        assert (stats.dead, stats.imbalance) == (0, 0)


def went_on(relay: Relay) -> float:
    """Wait until more arrives; return how long that took."""
    before = arrived(relay)
    return relay.wait_until(lambda: arrived(relay) > before + 5, within_s=15)


def test_workers_go_on_when_their_connections_are_killed_and_the_scripts_are_gone(
    tmp_path: Path,
) -> None:
    with running(tmp_path, rate=50.0) as relay:
        relay.producer.import_products(products(5_000))
        relay.start_workers(TWO)
        for _ in range(3):
            relay.run_for(0.5)
            relay.redis.client_kill_filter(_type="normal", skipme=True)
            relay.redis.function_flush()
        relay.wait_until(relay.is_done, within_s=30)
        assert relay.applied() == {item["sku"]: 1 for item in products(5_000)}
        assert relay.queue.stats().imbalance == 0


def test_a_broker_that_comes_back_empty_is_said_loudly(tmp_path: Path) -> None:
    server = ShippedServer(tmp_path / "data")
    with with_a_server(tmp_path, server) as relay:
        relay.start_workers(TWO)
        relay.wait_until(lambda: len(relay.queue.stats().workers) == 2, within_s=10)
        relay.queue.pause("account", None, "by the test")
        relay.producer.import_products(products(100))
        server.kill()
        server.forget()
        server.start()
        relay.wait_until(lambda: relay.queue.stats().emptied_ms is not None, within_s=10)
        # Whoever noticed it tells Redis first.
        relay.wait_until(lambda: "broker_emptied" in relay.log.read_text(), within_s=10)
        told = command(relay, "status")
        assert told.returncode == 1
        assert "LOST DATA  the broker came back without its data" in told.stdout
        assert json.loads(command(relay, "status", "--json").stdout)["emptied_ms"] >= 0
        assert command(relay, "accept-loss").returncode == 0
        assert command(relay, "status").returncode == 0
        relay.run_for(2)  # nobody brings it up again
        assert command(relay, "status").returncode == 0


def command(relay: Relay, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "onport_worker.cli", *arguments],
        env=worker_environment(relay.settings),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_broker_without_memory_takes_no_puts_and_its_workers_go_on(tmp_path: Path) -> None:
    limit = 32_000_000
    server = ShippedServer(tmp_path / "data", maxmemory=str(limit))
    with with_a_server(tmp_path, server) as relay:
        relay.producer.import_products(products(2_000))
        number = 0
        while relay.redis.info("memory")["used_memory"] < 0.86 * limit:
            relay.redis.set(f"ballast-{number}", b"x" * 100_000)
            number += 1
        assert relay.producer.create_sale(sale("late")).state is State.SPOOLED
        relay.start_workers(TWO)
        relay.wait_until(lambda: len(relay.applied()) == 2_000, within_s=30)
        assert relay.redis.info("memory")["used_memory"] < limit
        relay.redis.delete(*(f"ballast-{each}" for each in range(number)))
        relay.wait_until(lambda: relay.applied()["late"] == 1, within_s=10)
        assert relay.fleet is not None
        assert [process.poll() for process in relay.fleet.processes] == [None, None]


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_a_full_disk_of_the_broker_loses_nothing(
    tmp_path: Path, small_disk: Path, appendfsync: str
) -> None:
    server = ShippedServer(small_disk / "data", appendfsync=appendfsync)
    with with_a_server(tmp_path, server) as relay:
        relay.producer.import_products(products(500))
        relay.start_workers(TWO)
        relay.wait_until(lambda: arrived(relay) > 100, within_s=10)
        ballast = small_disk / "ballast"
        filled = fill_up(ballast)
        spooled = 0
        for number in range(100):
            spooled += relay.producer.create_sale(sale(f"s{number}")).state is State.SPOOLED
        print(f"{appendfsync}: {filled / 1e6:.1f} MB filled, {spooled} of 100 puts spooled")
        assert spooled > 0
        relay.run_for(2)
        ballast.unlink()
        if server.has_ended():  # as it does with always; a supervisor starts it again
            server.start()
        relay.wait_until(lambda: takes_writes(relay), within_s=10)
        relay.wait_until(lambda: relay.is_done() and not relay.is_spooling(), within_s=40)
        assert len(relay.applied()) == 600
        assert (relay.queue.stats().dead, relay.queue.stats().imbalance) == (0, 0)


def takes_writes(relay: Relay) -> bool:
    try:
        relay.queue.stats()
    except ResponseError as error:  # it heals at its next try to write
        return not str(error).startswith("MISCONF")
    return True


@pytest.fixture
def small_disk(tmp_path: Path, require_tool: RequireTool) -> Iterator[Path]:
    """A disk of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    require_tool("mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill_up(ballast: Path) -> int:
    """Write until the disk is full; return how many bytes went there."""
    written = 0
    with ballast.open("wb", buffering=0) as file:
        for size in (100_000, 1_000, 10):
            try:
                while True:
                    written += file.write(b"x" * size)
            except OSError:
                continue
    return written
