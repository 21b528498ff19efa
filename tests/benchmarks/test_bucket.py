import threading

import pytest
import redis
from tests.benchmarks.payloads import PRODUCTS_PATH, SALE_PATH
from tests.benchmarks.peers.bucket import Bucket
from tests.benchmarks.peers.setup import Setup

from onport_queue.clock import SystemClock

_CLOCK = SystemClock()


def bucket(url: str, rate: float, *, lanes: bool) -> Bucket:
    return Bucket(Setup(broker=url, endpoint="", rate=rate, lanes=lanes))


@pytest.mark.usefixtures("redis_client")
def test_requests_are_no_faster_than_the_rate(broker_url: str) -> None:
    tokens = bucket(broker_url, 200, lanes=False)
    tokens.take(SALE_PATH)
    began = _CLOCK.monotonic_s()

    for _ in range(40):
        tokens.take(PRODUCTS_PATH)

    # After a pause two may go at once.
    assert _CLOCK.monotonic_s() - began >= 38 / 200


def test_a_new_sale_has_the_next_token_though_products_have_waited_longer(
    broker_url: str, redis_client: redis.Redis
) -> None:
    tokens, order = bucket(broker_url, 1, lanes=True), list[str]()
    for _ in range(2):
        tokens.take(SALE_PATH)

    def take(path: str) -> None:
        tokens.take(path)
        order.append(path)

    before = calls(redis_client)
    product, sale = (
        threading.Thread(target=take, args=(path,)) for path in (PRODUCTS_PATH, SALE_PATH)
    )
    product.start()
    while calls(redis_client) == before:
        assert product.is_alive()
    sale.start()
    sale.join()
    product.join()

    assert order == [SALE_PATH, PRODUCTS_PATH]


def test_a_setup_is_told_as_it_is() -> None:
    setup = Setup(broker="redis://b", endpoint="http://e", rate=2.5, processes=3, lanes=True)

    assert Setup.told(setup.environment()) == setup


def calls(client: redis.Redis) -> int:
    """Return how often a script was called by its digest."""
    told = client.info("commandstats").get("cmdstat_evalsha", {})
    return int(told.get("calls", 0))
