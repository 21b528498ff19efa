import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest
import redis
from pydantic import SecretStr
from tests.producers.conftest import CountingWaker

from onport_producers import Producer
from onport_producers.gateway import Gateway
from onport_queue.settings import Settings

HASH = "the-right-hash"
PREFIX = "/webhooks/custom-channels"
SALE = f"{PREFIX}/manual-sale.json"
PRODUCTS = f"{PREFIX}/products.json"
ACKNOWLEDGE = f"{PREFIX}/acknowledge-inventory-feed-variant-batches.json"
DISCONNECT = f"{PREFIX}/disconnect-inventory-feed-variant-batches.json"


@dataclass
class Shop:
    """A client of a gateway in this process; it carries the right hash unless told otherwise."""

    gateway: Gateway
    runner: asyncio.Runner

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: object, **headers: str) -> httpx.Response:
        return self.send("PUT", path, body, **headers)

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path, b"")

    def send(self, method: str, path: str, body: object, **headers: str) -> httpx.Response:
        (answer,) = self.send_at_once(method, path, [body], **headers)
        return answer

    def send_at_once(
        self, method: str, path: str, bodies: list[object], **headers: str
    ) -> list[httpx.Response]:
        """Send several requests that are under way together."""
        return self.send_all([(method, path, body) for body in bodies], **headers)

    def send_all(
        self, wishes: list[tuple[str, str, object]], **headers: str
    ) -> list[httpx.Response]:
        """Send several requests, of any methods and paths, that are under way together."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.runner.run(self._send(wishes, named))

    async def _send(
        self, wishes: list[tuple[str, str, object]], headers: Mapping[str, str]
    ) -> list[httpx.Response]:
        default = {"jetti-webhook-hash": HASH, "content-type": "application/json"}
        transport = httpx.ASGITransport(self.gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            requests = (
                client.request(method, path, content=_content(body), headers={**default, **headers})
                for method, path, body in wishes
            )
            return list(await asyncio.gather(*requests))


def _content(body: object) -> bytes | AsyncIterator[bytes]:
    if isinstance(body, bytes):
        return body
    if isinstance(body, AsyncIterator):
        return body
    return json.dumps(body).encode()


@pytest.fixture
def guarded(settings: Settings) -> Settings:
    """Settings with a hash, as a gateway needs them."""
    return settings.model_copy(update={"webhook_hash": SecretStr(HASH)})


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def shop(
    guarded: Settings, waker: CountingWaker, redis_client: redis.Redis, runner: asyncio.Runner
) -> Shop:
    del redis_client  # it empties the broker
    return Shop(Gateway(guarded, Producer(guarded, waker=waker)), runner)


@pytest.fixture
def shop_without_broker(guarded: Settings, runner: asyncio.Runner) -> Shop:
    nowhere = guarded.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    return Shop(Gateway(nowhere), runner)
