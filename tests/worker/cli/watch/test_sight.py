from collections.abc import Iterator

import pytest
import redis
from tests.acceptance.proxy import Proxy
from tests.worker.cli.conftest import put

from onport_queue.clock import SystemClock
from onport_queue.errors import SettingsError
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_worker.cli.watch.sight import Watch


@pytest.fixture
def proxy(broker_url: str, redis_client: redis.Redis) -> Iterator[Proxy]:
    del redis_client
    with Proxy(int(broker_url.rpartition(":")[2].partition("/")[0])) as proxy:
        yield proxy


@pytest.fixture
def watch(proxy: Proxy, broker_url: str) -> Iterator[Watch]:
    """A watch of two accounts, by a proxy that can be closed."""
    place, _, path = broker_url.rpartition(":")
    url = f"{place}:{proxy.port}/{path.partition('/')[2]}"
    accounts = (Settings(), Settings(account="uk"))
    watch = Watch(accounts, lambda: url, SystemClock())
    yield watch
    watch.close()


def test_every_account_is_seen(watch: Watch, queue: Queue) -> None:
    put(queue, "1")

    watch.look()

    default, uk = watch.sights
    assert (default.stats and default.stats.pending, uk.stats and uk.stats.pending) == (1, 0)
    assert not watch.is_off


def test_while_the_broker_is_away_the_last_state_is_kept_and_then_it_goes_on(
    watch: Watch, proxy: Proxy, queue: Queue
) -> None:
    put(queue, "1")
    watch.look()
    proxy.refuse()

    watch.look()
    watch.look()
    (default, _) = watch.sights
    assert default.away is not None
    assert f"broker 127.0.0.1:{proxy.port}" in default.away
    assert default.stats is not None
    assert watch.is_off

    proxy.listen()
    put(queue, "2")
    watch.look()
    assert default.stats.pending == 2
    assert not watch.is_off


def test_what_is_used_is_learnt_from_look_to_look(watch: Watch) -> None:
    watch.look()
    watch.look()

    assert watch.sights[0].used.rates == (0.0,)


def test_a_broker_that_nobody_names_any_more_is_away() -> None:
    def nobody() -> str:
        raise SettingsError("redis_url: missing")

    watch = Watch((Settings(),), nobody, SystemClock())
    watch.look()

    assert watch.sights[0].away == "redis_url: missing"


def test_books_that_do_not_balance_are_off(watch: Watch, redis_client: redis.Redis) -> None:
    redis_client.hset("onport-relay:{uk}:ledger", "accepted", 1)
    watch.look()

    assert watch.is_off
