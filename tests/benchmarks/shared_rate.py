"""How well several workers keep to one shared rate, and use it: no more, and no less.

Work is always pending, and nothing is put meanwhile. Grants are counted by the broker's clock,
arrivals by the sandbox's, each in every sliding second. On an idle machine, from the checkout:

    .venv/bin/python -m tests.benchmarks.shared_rate --rate 100
"""

import argparse
import re
import socket
import sys
import threading
from types import TracebackType
from urllib.parse import urlsplit

from tests.benchmarks.load import SECRET, Relay, most_in_a_second, under_load
from tests.benchmarks.processor import cpu_s

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.flight import BURST
from onport_sandbox import SandboxSettings

# One shift of a drain: by then every worker has been handed its share of them.
WARM_UP_S = 10.0
ARRIVALS_ABOVE_RATE = 1.05
LEAST_EFFICIENCY = 0.98


class Grants:
    """When the broker granted requests, by its own clock: what MONITOR says about the ledger."""

    _READ_EVERY_S = 0.05
    _GRANT = re.compile(rb'"[^"]*:ledger" "requests" "1"')

    def __init__(self, broker_url: str) -> None:
        self.moments: list[float] = []
        self._clock = SystemClock()
        self._stop = threading.Event()
        self._connection = _monitor(broker_url)
        self._thread = threading.Thread(target=self._until_stopped, name="grants", daemon=True)

    def __enter__(self) -> "Grants":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._connection.close()

    def _until_stopped(self) -> None:
        rest, asked_at, stopping = b"", 0.0, False
        while not stopping:
            # Now and then instead of at once: a reader that wakes at every line would cost more
            # than what it reads about.
            stopping = self._clock.wait(self._stop, self._READ_EVERY_S)
            *lines, rest = (rest + self._read()).split(b"\r\n")
            for line in lines:
                if line.endswith(b'lua] "TIME"'):
                    asked_at = float(line[1:].split(b" ", 1)[0])
                elif self._GRANT.search(line, 0, 200):
                    self.moments.append(asked_at)

    def _read(self) -> bytes:
        try:
            return self._connection.recv(1 << 20)
        except TimeoutError:
            return b""


def _monitor(broker_url: str) -> socket.socket:
    url = urlsplit(broker_url)
    connection = socket.create_connection((url.hostname, url.port), timeout=1.0)
    connection.sendall(f"AUTH {url.password}\r\nMONITOR\r\n".encode())
    return connection


def measure(relay: Relay, rate: float, seconds: float) -> bool:
    """Print the figures; return whether they are within bounds."""
    broker_pid = int(connect(relay.broker_url).info("server")["process_id"])
    pids = {"broker": broker_pid, "sandbox": relay.sandbox.pid}
    pids |= {f"worker {number}": pid for number, pid in enumerate(relay.fleet.pids, 1)}
    with Grants(relay.broker_url) as grants:
        relay.run_for(WARM_UP_S)
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        period = relay.run_for(seconds)
        used = {name: (cpu_s(pid) - before[name]) / period.seconds for name, pid in pids.items()}
    granted = [moment for moment in grants.moments if moment in period]
    arrived = [receipt.started for receipt in relay.receipts() if receipt.started in period]
    most_granted, most_arrived = most_in_a_second(granted), most_in_a_second(arrived)
    may_be_granted, may_arrive = rate + BURST, ARRIVALS_ABOVE_RATE * rate + BURST
    efficiency = len(arrived) / (rate * period.seconds)
    print(f"{rate:g} requests/s allowed, {len(pids) - 2} workers, {period.seconds:.0f} s")
    print(f"granted: {len(granted):,}, at most {most_granted} in a second (<= {may_be_granted:g})")
    print(f"arrived: {len(arrived):,}, at most {most_arrived} in a second (<= {may_arrive:g})")
    print(f"use of the rate: {efficiency:.4f} (>= {LEAST_EFFICIENCY})")
    print("processors: " + ", ".join(f"{name} {share:.0%}" for name, share in used.items()))
    return (
        0 < most_granted <= may_be_granted
        and most_arrived <= may_arrive
        and efficiency >= LEAST_EFFICIENCY
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8, help="of each worker")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--appendfsync", choices=("always", "everysec", "no"), default="always")
    options = parser.parse_args()
    with under_load(
        SandboxSettings(hashes={"default": SECRET}),
        rate=options.rate,
        workers=options.workers,
        threads=options.threads,
        # Grants can't be more than the rate allows, so this never runs out.
        pending=round(options.rate * (options.seconds + 2 * WARM_UP_S)),
        appendfsync=options.appendfsync,
    ) as relay:
        return 0 if measure(relay, options.rate, options.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
