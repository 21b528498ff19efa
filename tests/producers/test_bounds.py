"""A checkout waits no longer than 0.4 s for a receipt, whatever has happened to the broker."""

import _thread
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
import redis
from tests.acceptance.proxy import Proxy
from tests.producers.conftest import CountingWaker

from onport_producers import BrokerUnavailableError, Producer, State
from onport_queue.clock import SystemClock
from onport_queue.names import Lane
from onport_queue.settings import Settings
from onport_queue.store import Queue

pytestmark = pytest.mark.alone

BOUND_S = 0.4
SLACK_S = 0.15
CLOCK = SystemClock()

_Result = TypeVar("_Result")
Misfortune = Callable[[Proxy], AbstractContextManager[None]]


class Stopwatch:
    """Takes the median of three, so that one hiccup of a busy machine proves nothing."""

    def __init__(self) -> None:
        self._seconds: list[float] = []

    def time(self, call: Callable[[], _Result]) -> _Result:
        began = CLOCK.monotonic_s()
        try:
            return call()
        finally:
            self._seconds.append(CLOCK.monotonic_s() - began)

    @property
    def median_s(self) -> float:
        assert len(self._seconds) == 3
        return median(self._seconds)


@pytest.fixture
def proxy(broker_url: str, redis_client: redis.Redis) -> Iterator[Proxy]:
    del redis_client  # it empties the broker
    port = urlsplit(broker_url).port
    assert port is not None
    with Proxy(port) as running:
        yield running


@pytest.fixture
def by_proxy(settings: Settings, proxy: Proxy) -> Settings:
    url = (settings.redis_url or "").replace(f":{proxy.target_port}/", f":{proxy.port}/")
    return settings.model_copy(update={"redis_url": url})


@pytest.fixture
def hung_name_server(by_proxy: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """No name is resolved any more, and nobody is told so before the test is over."""
    is_over = threading.Event()

    def hang(*_: object, **__: object) -> None:
        is_over.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield by_proxy
    is_over.set()
    monkeypatch.undo()


def sale(number: int = 1) -> dict[str, object]:
    return {"externalId": str(number), "lineItems": []}


@contextmanager
def refuse(proxy: Proxy) -> Iterator[None]:
    proxy.refuse()
    yield


@contextmanager
def swallow(proxy: Proxy) -> Iterator[None]:
    proxy.swallow()
    yield


@contextmanager
def be_slow(proxy: Proxy) -> Iterator[None]:
    """Answer, but so late that letting a client in takes longer than a checkout has."""
    proxy.delay(0.07)
    yield


@contextmanager
def die_slowly(proxy: Proxy) -> Iterator[None]:
    """Let it begin, cut it late, and then answer nobody."""

    def die() -> None:
        proxy.swallow()
        proxy.cut()

    proxy.delay(0.12)
    dying = threading.Timer(0.2, die)
    dying.start()
    yield
    dying.join()


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "not connected"])
@pytest.mark.parametrize("misfortune", [refuse, swallow, be_slow, die_slowly])
def test_a_sale_is_taken_within_the_bound(
    by_proxy: Settings,
    proxy: Proxy,
    tmp_path: Path,
    misfortune: Misfortune,
    connected: bool,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    def is_taken(shop: Producer) -> bool:
        return shop.create_sale(sale()).state is not State.SPOOLED

    watch = Stopwatch()
    for number in range(3):
        spool = tmp_path / f"{number}.db"
        shop = Producer(by_proxy.model_copy(update={"spool_path": spool}))
        if connected:
            wait_until(partial(is_taken, shop))  # a busy machine may spool the first
        with misfortune(proxy):
            receipt = watch.time(partial(shop.create_sale, sale(2)))
        is_slow_only = misfortune is be_slow and connected
        assert (receipt.state is State.SPOOLED) is not is_slow_only
        proxy.heal()
    assert watch.median_s < BOUND_S


def test_a_name_server_that_hangs_holds_nobody_up(
    hung_name_server: Settings, tmp_path: Path
) -> None:
    watch = Stopwatch()
    for number in range(3):
        spool = tmp_path / f"{number}.db"
        shop = Producer(hung_name_server.model_copy(update={"spool_path": spool}))
        receipt = watch.time(partial(shop.create_sale, sale()))
        assert receipt.state is State.SPOOLED
    assert watch.median_s < BOUND_S


def test_asking_what_would_take_a_put_holds_nobody_up_either(
    hung_name_server: Settings, tmp_path: Path
) -> None:
    ready = Stopwatch()
    for number in range(3):
        spool = tmp_path / f"{number}.db"
        shop = Producer(hung_name_server.model_copy(update={"spool_path": spool}))
        assert ready.time(shop.check) == "spool"
    assert ready.median_s < BOUND_S


def test_without_a_spool_the_caller_is_told_within_the_bound(hung_name_server: Settings) -> None:
    watch = Stopwatch()
    shop = Producer(hung_name_server.model_copy(update={"spool_mb": 0}))
    for number in range(3):
        with pytest.raises(BrokerUnavailableError, match=r"no answer within 0\.25 s"):
            watch.time(partial(shop.create_sale, sale(number)))
    assert watch.median_s < BOUND_S


def test_a_wake_up_that_hangs_delays_nobody_and_the_put_is_not_repeated(
    settings: Settings, redis_client: redis.Redis, queue: Queue
) -> None:
    is_over = threading.Event()

    class Hung:
        def wake(self, account: str, lane: Lane) -> None:
            del account, lane
            is_over.wait(30)

    del redis_client
    watch, shop = Stopwatch(), Producer(settings, waker=Hung())
    for number in range(3):
        receipt = watch.time(partial(shop.create_sale, sale(number)))
        assert receipt.state is State.PENDING
    is_over.set()
    assert watch.median_s < BOUND_S
    stats = queue.stats()
    assert (stats.pending, stats.ledger.accepted) == (3, 3)


def test_a_process_that_gets_no_more_threads_spools_and_flushes_when_it_does(
    settings: Settings,
    redis_client: redis.Redis,
    queue: Queue,
    wait_until: Callable[..., None],
) -> None:
    del redis_client
    shop = Producer(settings, waker=CountingWaker())

    def refuse_to_start(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse_to_start)
        patched.setattr(_thread, "start_new_thread", refuse_to_start)
        assert shop.create_sale(sale(1)).state is State.SPOOLED
        assert queue.stats().pending == 0
    assert shop.create_sale(sale(2)).state is State.SPOOLED
    wait_until(lambda: queue.stats().pending == 2)
