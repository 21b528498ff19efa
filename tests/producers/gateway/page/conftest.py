import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import redis
from tests.producers.conftest import CountingWaker

from onport_producers.gateway.page import Page
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue

TOKEN = "the-token-of-the-page"


class MovedClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def wall(self) -> datetime:
        return datetime(2026, 11, 3, 14, 0, tzinfo=UTC) + self.passed

    def monotonic_s(self) -> float:
        return self.passed.total_seconds()

    def wait(self, event: object, seconds: float) -> bool:
        raise NotImplementedError


@dataclass
class Visitor:
    """A browser of one person: it keeps cookies, and adds what the page's own script adds."""

    page: Page
    runner: asyncio.Runner
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    headers: dict[str, str] = field(default_factory=lambda: {"x-onport-relay": "page"})

    def enter(self, token: str = TOKEN) -> httpx.Response:
        return self.send("POST", "/page/session", token.encode())

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.send("GET", str(httpx.URL(path, params=query)))

    def wish(self, what: str, **wish: object) -> httpx.Response:
        body = {"account": "default", **wish}
        return self.send("POST", f"/page/{what}", json.dumps(body).encode())

    def send(self, method: str, path: str, body: bytes = b"") -> httpx.Response:
        return self.runner.run(self._send(method, path, body))

    async def _send(self, method: str, path: str, body: bytes) -> httpx.Response:
        transport = httpx.ASGITransport(self.page)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://gateway", cookies=self.cookies
        ) as client:
            answer = await client.request(method, path, content=body, headers=self.headers)
            self.cookies = client.cookies
            return answer


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def settings(broker_url: str, tmp_path: Path) -> Settings:
    channels = {"uk": {}, "us": {"account": "us"}}
    return load_settings(redis_url=broker_url, data_dir=tmp_path, channels=channels)


@pytest.fixture
def stranger(
    settings: Settings, waker: CountingWaker, redis_client: redis.Redis, runner: asyncio.Runner
) -> Iterator[Visitor]:
    del redis_client  # it empties the broker
    page = Page(settings, TOKEN, waker=waker)
    yield Visitor(page, runner)
    page.close()


@pytest.fixture
def operator(stranger: Visitor) -> Visitor:
    """A visitor with a session."""
    assert stranger.enter().status_code == 200
    return stranger


@pytest.fixture
def queue(redis_client: redis.Redis, settings: Settings) -> Queue:
    return Queue.of(redis_client, settings)
