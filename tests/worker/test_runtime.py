"""What the accounts of a process give back when it ends."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from pydantic import SecretStr
from tests.acceptance.proxy import Proxy
from tests.acceptance.recorder import Recorder
from tests.worker.cli.conftest import put

from onport_queue.clock import SystemClock
from onport_queue.names import Lane
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue
from onport_worker.runtime import Runtime, release_all
from onport_worker.steps import Step

_BOUND_S = 10.0


@dataclass
class Halfway:
    """An account's delivery that has claimed a sale, and sends it only when it is let."""

    settings: Settings
    claimed: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.runtime = Runtime(self.settings, list(Lane), "here", share=1, steps=self._halt)

    def begin(self, pool: ThreadPoolExecutor) -> None:
        self._drained = pool.submit(self.runtime.drain, Lane.HIGH)
        assert self.claimed.wait(_BOUND_S)
        self.runtime.begin_stop()

    def go_on(self) -> None:
        self.goes_on.set()
        self._drained.result()

    def _halt(self, step: Step) -> None:
        if step is Step.CLAIMED:
            self.claimed.set()
            assert self.goes_on.wait(_BOUND_S)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def halfway(
    broker_url: str, redis_client: redis.Redis, recorder: Recorder, tmp_path: Path
) -> Iterator[Callable[..., Halfway]]:
    """Begin the delivery of an account's one sale, by a worker of the broker or of a proxy."""
    every = load_settings(
        redis_url=broker_url,
        data_dir=tmp_path,
        base_url=recorder.url,
        webhook_hash=SecretStr("the-right-hash"),
        channels={"us": {"account": "us", "webhook_hash": SecretStr("its-hash")}},
    )
    begun: list[Halfway] = []
    with ThreadPoolExecutor() as pool:

        def begin(account: str, url: str = broker_url) -> Halfway:
            settings = every.for_account(account)
            put(Queue.of(redis_client, settings), "1", channel=account)  # it has one of its name
            one = Halfway(settings.model_copy(update={"redis_url": url}))
            begun.append(one)
            one.begin(pool)
            return one

        yield begin
        for one in begun:
            one.go_on()


def test_what_was_released_is_not_sent(
    halfway: Callable[..., Halfway], recorder: Recorder, redis_client: redis.Redis
) -> None:
    one = halfway("default")
    queue = Queue.of(redis_client, one.settings)

    assert release_all([one.runtime])

    assert (queue.stats().pending, queue.stats().in_flight) == (1, 0)
    one.go_on()
    assert recorder.requests == []


def test_an_account_whose_broker_is_away_keeps_no_other_from_its_release(
    halfway: Callable[..., Halfway], redis_client: redis.Redis, broker_url: str
) -> None:
    port = urlsplit(broker_url).port or 0
    with Proxy(port) as proxy:
        cut_off = halfway("default", broker_url.replace(f":{port}/", f":{proxy.port}/"))
        other = halfway("us")
        proxy.refuse()

        assert not release_all([cut_off.runtime, other.runtime])

        cut_off.go_on()
    stats = Queue.of(redis_client, other.settings).stats()
    assert (stats.pending, stats.in_flight) == (1, 0)


def test_when_the_time_is_over_nothing_more_is_released_or_sent(
    halfway: Callable[..., Halfway], recorder: Recorder, redis_client: redis.Redis
) -> None:
    one = halfway("default")

    assert not one.runtime.release(SystemClock().monotonic_s() - 1)

    assert Queue.of(redis_client, one.settings).stats().in_flight == 1
    one.go_on()
    assert recorder.requests == []
