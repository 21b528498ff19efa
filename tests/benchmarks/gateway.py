"""How many sales a second the gateway takes, at what cost, and how long one waits.

First wrk keeps so many connections busy, in turns with the same server's bare route (/healthz) and
with sales of 1 KB; then an open-loop client sends 300 sales/s at even intervals, whatever the
answers take, and counts each from the moment it was due. Gateway, broker (appendfsync everysec) and
wrk share the machine: run it on an idle one, with the Debian package wrk. wrk runs as a batch
process, so that its waking up does not interrupt what it measures:

    python -m tests.benchmarks.gateway
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.acceptance.gateway_process import GatewayProcess
from tests.benchmarks.open_loop import Served, percentile, serve_evenly
from tests.benchmarks.processor import cpu_s

from onport_queue.broker import connect
from onport_queue.settings import load_settings
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker

SECRET = "bench"
SALE_PATH = "/webhooks/custom-channels/manual-sale.json"
CONNECTIONS = (64, 256, 1024)
_SCRIPT = Path(__file__).with_name("gateway.lua")


@dataclass(frozen=True, slots=True)
class Round:
    """One run of wrk: requests a second, and CPU ms of each by who used it."""

    per_s: float
    requests: int
    gateway_ms: float
    broker_ms: float


class Bench:
    """The gateway and its broker, asked by wrk."""

    def __init__(self, gateway: GatewayProcess, broker_pid: int, seconds: int) -> None:
        self._gateway = gateway
        self._broker_pid = broker_pid
        self._seconds = seconds

    def bare(self, connections: int) -> Round:
        """Ask for what costs the server nothing."""
        return self._round(["/healthz"], connections)

    def sales(self, connections: int) -> Round:
        """Send sales."""
        return self._round([SALE_PATH, "-s", str(_SCRIPT)], connections)

    def _round(self, asked: list[str], connections: int) -> Round:
        path, *options = asked
        command = ["chrt", "--batch", "0", "wrk", "-t1"]
        command += [f"-c{connections}", f"-d{self._seconds}", *options]
        before = self._used()
        done = subprocess.run(
            [*command, f"{self._gateway.url}{path}"],
            env=os.environ | {"GATEWAY_PATH": SALE_PATH, "GATEWAY_HASH": SECRET},
            capture_output=True,
            text=True,
            check=True,
            timeout=self._seconds + 30,
        )
        used = [after - since for after, since in zip(self._used(), before, strict=True)]
        if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
            raise SystemExit(f"not every request was answered 200:\n{done.stdout}")
        requests = int(_found(r"(\d+) requests in", done.stdout))
        per_s = float(_found(r"Requests/sec: +([\d.]+)", done.stdout))
        gateway_ms, broker_ms = (1000 * each / requests for each in used)
        return Round(per_s, requests, gateway_ms, broker_ms)

    def _used(self) -> tuple[float, float]:
        return sum(map(cpu_s, self._gateway.pids)), cpu_s(self._broker_pid)


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"wrk said something else than expected:\n{text}")
    return found[1]


def report(connections: int, bare: list[Round], sales: list[Round]) -> None:
    """Print what wrk found."""
    bare_s = statistics.median(each.per_s for each in bare)
    sales_s = statistics.median(each.per_s for each in sales)
    print(f"{connections} connections: sales at {sales_s / bare_s:.0%} of the bare route's rate")
    for name, rounds, per_s in (("bare route", bare, bare_s), ("sales", sales, sales_s)):
        gateway = statistics.median(each.gateway_ms for each in rounds)
        broker = statistics.median(each.broker_ms for each in rounds)
        every = ", ".join(f"{each.per_s:,.0f}" for each in rounds)
        print(f"  {name:<10} {per_s:>8,.0f} requests/s ({every}); CPU ms/request: ", end="")
        print(f"gateway {gateway:.3f}, broker {broker:.3f}")


def report_open_loop(served: Served) -> None:
    """Print what the open-loop client found."""
    waits = served.waits_ms
    print(
        f"open loop: {len(waits):,} sales at {served.per_s:.0f}/s: "
        f"p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.1f} ms, "
        f"max {waits[-1]:.1f} ms; answered otherwise than 200: {served.failed}"
    )


def main() -> int:
    """Run it; return 1 if a request was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=2, help="gateway processes")
    parser.add_argument("--seconds", type=int, default=5, help="of each run of wrk")
    parser.add_argument("--rounds", type=int, default=3, help="runs of wrk of each sort")
    parser.add_argument("--rate", type=float, default=300.0, help="of the open-loop client")
    parser.add_argument("--open-loop-seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    options = parser.parse_args()
    for tool, package in (("wrk", "wrk"), ("chrt", "util-linux")):
        if shutil.which(tool) is None:
            print(f"needs {tool}, which is not on PATH (Debian: {package})", file=sys.stderr)
            return 2
    with TemporaryDirectory() as directory:
        home = Path(directory)
        with EmbeddedBroker(home / "broker", appendfsync="everysec") as broker:
            settings = load_settings(redis_url=broker.url, webhook_hash=SECRET, data_dir=home)
            with (
                connect(broker.url) as redis,
                GatewayProcess(settings, workers=options.workers, log=home / "log") as gateway,
            ):
                queue = Queue.of(redis, settings)
                broker_pid = int(redis.info("server")["process_id"])
                bench = Bench(gateway, broker_pid, options.seconds)
                bench.sales(64)  # warms up
                answered = accepted = 0
                for connections in options.connections:
                    bare, sales = [], []
                    for _ in range(options.rounds):
                        redis.flushall()  # no round pays for the sales of another
                        bare.append(bench.bare(connections))
                        sales.append(bench.sales(connections))
                        answered += sales[-1].requests
                        accepted += queue.stats().ledger.accepted
                    report(connections, bare, sales)
                print(f"{answered:,} sales were answered, {accepted:,} are in the ledger")
                redis.flushall()
                address = ("127.0.0.1", gateway.port)
                served = serve_evenly(address, SECRET, options.rate, options.open_loop_seconds)
                report_open_loop(served)
    # wrk does not wait for its last answers: the ledger may have a few more.
    return 1 if answered > accepted or served.failed else 0


if __name__ == "__main__":
    sys.exit(main())
