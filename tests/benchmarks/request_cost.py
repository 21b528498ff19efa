"""What a request costs a worker: CPU time through its endpoint, and over one shared httpx.Client.

    python -m tests.benchmarks.request_cost [--requests 3200]

Both send the same sale of 1 KB to a sandbox of their own process, in turns; nothing is queued.
"""

import argparse
import threading
import time
from collections.abc import Callable
from contextlib import closing

import httpx

from onport_queue.settings import Settings
from onport_sandbox import SandboxProcess, SandboxSettings
from onport_worker.delivery.credentials import Credentials
from onport_worker.delivery.endpoint import HASH_HEADER, HttpEndpoint
from onport_worker.delivery.outcome import Answered
from onport_worker.delivery.request import Request

_HASH = "a-hash"
_ROUNDS = 5
_BODY = b'{"externalId":"1","note":"' + b"x" * 1_000 + b'"}'


class _Open:
    """A wire that lets everything out."""

    def may_go_on(self) -> bool:
        return True

    def has_gone(self) -> None:
        pass


def cost_us(send: Callable[[], None], requests: int, threads: int) -> float:
    """Return the CPU time of one request, sent by so many threads at once."""

    def work() -> None:
        for _ in range(requests // threads):
            send()

    running = [threading.Thread(target=work) for _ in range(threads)]
    began = time.process_time()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return (time.process_time() - began) / requests * 1e6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="What a request costs a worker.")
    parser.add_argument("--requests", type=int, default=3_200, help="of each round")
    requests = parser.parse_args().requests
    with SandboxProcess(SandboxSettings(hashes={"default": _HASH})) as sandbox:
        settings = Settings(webhook_hash=_HASH, base_url=sandbox.url)
        credentials = Credentials(settings, b"salt")
        request = Request("POST", "manual-sale.json", _BODY, credentials.prints["default"][0])
        headers = {"content-type": "application/json", HASH_HEADER: _HASH}
        with (
            closing(HttpEndpoint(settings, credentials)) as endpoint,
            httpx.Client(base_url=sandbox.url, headers=headers) as client,
        ):

            def by_endpoint() -> None:
                outcome = endpoint.send(request, _Open())
                if not (isinstance(outcome, Answered) and outcome.status == 200):
                    raise SystemExit(f"not accepted: {outcome}")

            def by_client() -> None:
                client.post(request.path, content=request.body).raise_for_status()

            ways = {"the endpoint": by_endpoint, "one httpx.Client": by_client}
            for threads in (1, 16):
                costs: dict[str, list[float]] = {name: [] for name in ways}
                for _ in range(_ROUNDS):
                    for name, send in ways.items():
                        costs[name].append(cost_us(send, requests, threads))
                for name, rounds in costs.items():
                    print(f"{threads:>2} threads  {name:<16} {min(rounds):4.0f} us CPU per request")


if __name__ == "__main__":
    main()
