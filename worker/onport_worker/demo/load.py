"""A shop that sends without end: `python -m onport_worker.demo.load --help`.

It knows Onport's API and a base URL, as a shop in any language does; here that of the gateway.
"""

import argparse
import http.client
import json
import secrets
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from onport_queue.clock import Clock, SystemClock
from onport_queue.errors import RelayError, SettingsError
from onport_queue.settings import load_settings
from onport_worker.demo.shop import InventedShop, Json, Shop, paid
from onport_worker.stopping import Stopping

PRODUCTS_EVERY = 50
"""So many orders after a batch of products comes the next one."""
PRODUCTS_AT_ONCE = 100

_SALE, _PRODUCTS = "manual-sale.json", "products.json"
_TIMEOUT_S = 10.0
_AGAIN_AFTER_S = 1.0
_LATER = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Request:
    """What a shop sends to one of Onport's addresses."""

    name: str
    body: Json | list[Json]


def requests_of(shop: Shop) -> Iterator[Request]:
    """Yield what the shop sends: orders, some of them paid in the next request, and products."""
    products = shop.products()
    for number, event in enumerate(shop.sale_events()):
        if number % PRODUCTS_EVERY == 0:
            yield Request(_PRODUCTS, list(islice(products, PRODUCTS_AT_ONCE)))
        yield Request(_SALE, event.sale)
        if event.follow_up_s is not None:
            yield Request(_SALE, paid(event.sale))


class Sender:
    """Sends to a base URL, and again what was not taken; one connection, kept open."""

    def __init__(self, base_url: str, webhook_hash: str, *, clock: Clock) -> None:
        url = urlsplit(base_url)
        if url.scheme != "http" or not url.hostname:
            raise SettingsError(f"--url: {base_url}: expected http://HOST:PORT/PATH")
        self._path = url.path.rstrip("/")
        self._connection = http.client.HTTPConnection(url.hostname, url.port, timeout=_TIMEOUT_S)
        self._headers = {"content-type": "application/json", "jetti-webhook-hash": webhook_hash}
        self._clock = clock
        self._never = threading.Event()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def send(self, request: Request, stopping: Stopping) -> None:
        """Return when it was taken, or the shop is told to stop.

        Raises:
            RelayError: it was refused.
        """
        while (refused := self._refusal(request)) is not None and not stopping.asked:
            sys.stderr.write(f"load: not taken, sent again: {refused}\n")
            self._clock.wait(self._never, _AGAIN_AFTER_S)

    def _refusal(self, request: Request) -> str | None:
        try:
            body = json.dumps(request.body).encode()
            self._connection.request("POST", f"{self._path}/{request.name}", body, self._headers)
            answer = self._connection.getresponse()
            said = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return f"{type(error).__name__}: {error}"
        if answer.status in _LATER:
            return f"HTTP {answer.status}"
        if answer.status != http.client.OK:
            raise RelayError(f"{request.name} was answered {answer.status}: {said[:500]}")
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Send until TERM or Ctrl-C; return the exit status."""
    options = _parser().parse_args(arguments)
    clock, never = SystemClock(), threading.Event()
    shop = InventedShop(f"demo-{secrets.token_hex(3)}", seed=options.seed)
    try:
        hashes = load_settings().hashes_of("default")
        if not hashes:
            raise SettingsError("webhook_hash: missing; set ONPORT_RELAY_WEBHOOK_HASH")
        sender = Sender(options.url, hashes[0].get_secret_value(), clock=clock)
        with closing(sender), Stopping() as stopping:
            for request in requests_of(shop):
                sender.send(request, stopping)
                clock.wait(never, 1 / options.rate)
                if stopping.asked:
                    return 0
    except RelayError as error:
        sys.stderr.write(f"load: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m onport_worker.demo.load",
        description="Sends the orders and products of an invented shop to a base URL, until it is "
        "told to stop. What is not taken is sent again. Needs the hash: "
        "ONPORT_RELAY_WEBHOOK_HASH, or ..._FILE.",
    )
    parser.add_argument(
        "--url",
        default="http://127.0.0.1:8080/webhooks/custom-channels",
        help="base URL of the gateway (default: %(default)s)",
    )
    parser.add_argument(
        "--rate", type=_rate, default=2.0, metavar="R", help="requests/s (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="which orders (default: %(default)s)"
    )
    return parser


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate <= 1_000:
        raise argparse.ArgumentTypeError(f"{text}: expected a number from above 0 to 1000")
    return rate


if __name__ == "__main__":
    sys.exit(main())
