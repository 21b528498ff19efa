"""What is wrong is told once, whoever looks; again each hour; and once when it is over."""

import json
import logging
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from pydantic import SecretStr
from tests.acceptance.proxy import Proxy
from tests.producers.spool.conftest import a_put
from tests.worker.alerts.conftest import HandClock
from tests.worker.cli.conftest import bury

from onport_producers.spool import Spool
from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.errors import NewerFormatError
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue
from onport_queue.told import RedisToldBook
from onport_worker.alerts.conditions import AWAY_LASTS
from onport_worker.alerts.news import AGAIN_AFTER, REPEAT_AFTER
from onport_worker.alerts.watch import Watch
from onport_worker.alerts.webhook import Webhook


class Inbox:
    """A webhook's other end: what it got, unless it is to refuse."""

    def __init__(self) -> None:
        self.refuses = False
        self.got: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.refuses:
            return httpx.Response(410)
        self.got.append(json.loads(request.content))
        return httpx.Response(200)

    def take(self) -> list[tuple[str, str]]:
        """Return what has come since the last call: alerts and states."""
        got, self.got = self.got, []
        return [(one["alert"], one["state"]) for one in got]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def settings(broker_url: str, tmp_path: Path) -> Settings:
    return load_settings(redis_url=broker_url, data_dir=tmp_path)


@pytest.fixture
def queue(redis_client: redis.Redis) -> Queue:
    return Queue(redis_client)


@pytest.fixture
def spool(settings: Settings) -> Iterator[Spool]:
    spool = Spool.of(settings, SystemClock())
    yield spool
    spool.close()


@pytest.fixture
def a_watch(settings: Settings, inbox: Inbox, clock: HandClock) -> Iterator[Callable[..., Watch]]:
    made: list[Watch] = []

    def make(*, url: str = settings.redis_url or "", host: str = "h1") -> Watch:
        webhook = Webhook(SecretStr("https://hooks.example"), transport=httpx.MockTransport(inbox))
        client = connect(url, retries=0)
        watch = Watch(settings, client, webhook, clock, host=host, tells_of_broker=True)
        made.append(watch)
        return watch

    yield make
    for watch in made:
        watch.close()


@pytest.fixture
def watch(a_watch: Callable[..., Watch], queue: Queue) -> Watch:
    del queue  # it empties the broker
    return a_watch()


def test_a_relay_that_is_well_is_no_news(watch: Watch, inbox: Inbox) -> None:
    assert watch.look() == ()
    assert inbox.take() == []


def test_a_dead_sale_is_told_once_again_after_an_hour_and_when_it_is_over(
    watch: Watch, inbox: Inbox, queue: Queue, clock: HandClock
) -> None:
    bury(queue, "1001", text="what Onport answered of Jane Doe")
    watch.look()
    assert inbox.got[0]["subject"]["sales"] == [{"id": "1001", "status": "422"}]
    assert "Jane" not in json.dumps(inbox.got)
    assert inbox.take() == [("dead_sale", "firing")]
    watch.look()
    assert inbox.take() == []
    clock.passed += REPEAT_AFTER
    watch.look()
    assert inbox.take() == [("dead_sale", "repeated")]
    queue.discard(["sale:default:1001"])
    assert watch.look() == ()
    assert inbox.take() == [("dead_sale", "resolved")]
    watch.look()
    assert inbox.take() == []


def test_several_processes_tell_it_once_and_so_does_one_that_starts_anew(
    a_watch: Callable[..., Watch], inbox: Inbox, queue: Queue, clock: HandClock
) -> None:
    watches = [a_watch(host=f"h{number}") for number in range(3)]
    for watch in watches:
        watch.look()
    bury(queue, "1", "2")
    for watch in [*watches, a_watch()]:
        watch.look()
    assert inbox.take() == [("dead_sale", "firing")]
    clock.passed += REPEAT_AFTER
    for watch in [*watches, a_watch()]:
        watch.look()
    assert inbox.take() == [("dead_sale", "repeated")]
    queue.discard(["sale:default:1", "sale:default:2"])
    for watch in [a_watch(), *watches]:
        watch.look()
    assert inbox.take() == [("dead_sale", "resolved")]


def test_what_the_webhook_did_not_take_is_told_later(
    watch: Watch, inbox: Inbox, queue: Queue, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    bury(queue, "1")
    inbox.refuses = True
    watch.look()
    failed = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in failed] == [
        "alert_not_told alert=dead_sale state=firing error=webhook: answered 410, expected 2xx"
    ]
    inbox.refuses = False
    watch.look()
    assert inbox.take() == []
    clock.passed += AGAIN_AFTER
    watch.look()
    assert inbox.take() == [("dead_sale", "firing")]
    clock.passed += AGAIN_AFTER
    watch.look()
    assert inbox.take() == []


def test_why_it_could_not_be_told_is_written_down_until_it_is_told(
    watch: Watch, inbox: Inbox, queue: Queue, clock: HandClock, redis_client: redis.Redis
) -> None:
    bury(queue, "1")
    inbox.refuses = True
    watch.look()
    problems = [told.problem for told in RedisToldBook(redis_client).read().values()]
    assert problems == ["webhook: answered 410, expected 2xx"]
    inbox.refuses = False
    clock.passed += AGAIN_AFTER
    watch.look()
    assert [told.problem for told in RedisToldBook(redis_client).read().values()] == [""]


def test_what_one_had_taken_and_not_told_is_told_by_another(
    a_watch: Callable[..., Watch], inbox: Inbox, queue: Queue, clock: HandClock
) -> None:
    bury(queue, "1")
    inbox.refuses = True
    a_watch().look()
    inbox.refuses = False
    clock.passed += AGAIN_AFTER
    a_watch(host="h2").look()
    assert inbox.take() == [("dead_sale", "firing")]


def test_a_broker_that_is_away_and_the_spool_are_told_and_shared_when_it_is_back(
    a_watch: Callable[..., Watch],
    inbox: Inbox,
    broker_url: str,
    redis_client: redis.Redis,
    spool: Spool,
    clock: HandClock,
) -> None:
    port = redis_client.connection_pool.connection_kwargs["port"]
    with Proxy(port) as proxy:
        watch = a_watch(url=broker_url.replace(f":{port}/", f":{proxy.port}/"))
        watch.look()
        proxy.refuse()
        spool.append(a_put())
        watch.look()
        assert inbox.got[0]["subject"] == {"host": "h1", "puts": 1, "jobs": 1, "broker": "away"}
        assert inbox.take() == [("spool_in_use", "firing")]
        clock.passed += AWAY_LASTS
        watch.look()
        assert inbox.take() == [("broker_away", "firing")]
        clock.passed += REPEAT_AFTER
        watch.look()
        assert inbox.take() == [("broker_away", "repeated"), ("spool_in_use", "repeated")]
        proxy.listen()
        watch.look()
        assert inbox.take() == [("broker_away", "resolved")]
    a_watch().look()
    assert inbox.take() == []
    spool.remove([spool.first(1)[0].place])
    a_watch().look()
    assert inbox.take() == [("spool_in_use", "resolved")]


def test_a_spool_that_can_not_be_read_is_told(
    watch: Watch, inbox: Inbox, settings: Settings
) -> None:
    settings.spool_file.write_bytes(b"not a database " * 1_000)
    watch.look()
    assert f"on host h1, spool {settings.spool_file}: damaged" in inbox.got[0]["text"]
    assert inbox.take() == [("spool_unusable", "firing")]
    settings.spool_file.unlink()
    watch.look()
    assert inbox.take() == [("spool_unusable", "resolved")]


def test_a_queue_of_a_newer_release_ends_it(watch: Watch, redis_client: redis.Redis) -> None:
    redis_client.hset("onport-relay:{default}:meta", "format", 2)
    with pytest.raises(NewerFormatError):
        watch.look()


def test_nothing_of_it_is_stored_but_ids(
    watch: Watch, queue: Queue, redis_client: redis.Redis
) -> None:
    marked = secrets.token_hex(8)
    bury(queue, "1001", text=marked, body=b'{"name":"%s"}' % marked.encode())
    watch.look()
    stored = redis_client.hgetall("onport-relay:{default}:alerts")
    assert list(stored) == [b"dead_sale:default:1001"]
    assert marked not in str(stored)
