"""What is beside the four addresses: health, figures, the description."""

import asyncio
import re
from collections.abc import Callable

import pytest
import redis
from tests.producers.conftest import CountingWaker
from tests.producers.gateway.conftest import PRODUCTS, SALE, Shop
from tests.producers.spool.conftest import a_put, fill
from tests.producers.test_producer import sale

from onport_producers import Producer
from onport_producers.gateway import Gateway
from onport_producers.gateway.routes import ROUTES
from onport_producers.spool import Spool
from onport_producers.spool.turn import turn_of
from onport_queue.clock import SystemClock
from onport_queue.errors import SpoolError
from onport_queue.settings import Settings


def test_the_process_is_healthy_whatever_the_broker_is(shop_without_broker: Shop) -> None:
    assert shop_without_broker.get("/healthz").json() == {"status": "ok"}


def test_it_is_ready_while_the_broker_takes_jobs(shop: Shop) -> None:
    assert shop.get("/readyz").json() == {"status": "ready", "takes": "broker"}


def test_it_is_ready_while_the_spool_takes_jobs(
    shop_without_broker: Shop, guarded: Settings
) -> None:
    assert shop_without_broker.get("/readyz").json() == {"status": "ready", "takes": "spool"}

    spool = Spool.of(guarded, SystemClock())
    assert spool.contents().puts == 0
    assert spool.fact("") is None


def test_it_is_not_ready_when_the_spool_is_full(
    shop_without_broker: Shop, guarded: Settings
) -> None:
    little = guarded.model_copy(update={"redis_url": "redis://127.0.0.1:1/0", "spool_mb": 1})
    with pytest.raises(SpoolError, match="full"):
        fill(Spool.of(little, SystemClock()))

    shop = Shop(Gateway(little), shop_without_broker.runner)

    assert shop.get("/readyz").status_code == 503
    assert shop.post(SALE, sale("x" * 500, note="x" * 100_000)).status_code == 503


def test_while_the_spool_holds_puts_it_is_asked_although_the_broker_is_there(
    shop: Shop, guarded: Settings, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    spool = Spool.of(guarded, SystemClock())
    spool.append(a_put())
    with turn_of(spool.path):  # nobody flushes
        assert shop.get("/readyz").json() == {"status": "ready", "takes": "spool"}
        assert shop.post(SALE, sale()).json()["state"] == "spooled"

    wait_until(lambda: shop.get("/readyz").json()["takes"] == "broker")


def test_it_is_not_ready_while_a_full_spool_is_not_flushed(
    guarded: Settings,
    waker: CountingWaker,
    runner: asyncio.Runner,
    redis_client: redis.Redis,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    del redis_client  # it empties the broker
    little = guarded.model_copy(update={"spool_mb": 1})
    spool = Spool.of(little, SystemClock())
    with pytest.raises(SpoolError, match="full"):
        fill(spool)
    with turn_of(spool.path):
        shop = Shop(Gateway(little, Producer(little, waker=waker)), runner)
        assert shop.get("/readyz").status_code == 503

    wait_until(lambda: shop.get("/readyz").json().get("takes") == "broker")


def test_figures_tell_of_requests_jobs_and_puts_and_name_nobody(shop: Shop) -> None:
    shop.post(SALE, sale("secret-key"))
    shop.post(SALE, {})
    shop.post(PRODUCTS, [{"sku": "secret-key"}, {"sku": "b"}])

    answer = shop.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    figures = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if line[0] != "#")
    seconds = "onport_relay_gateway_request_seconds_count"
    assert figures[f'{seconds}{{endpoint="sale",status="200"}}'] == "1.0"
    assert figures[f'{seconds}{{endpoint="sale",status="422"}}'] == "1.0"
    jobs = "onport_relay_gateway_jobs_total"
    assert figures[f'{jobs}{{kind="sale",state="pending"}}'] == "1.0"
    assert figures[f'{jobs}{{kind="product",state="pending"}}'] == "2.0"
    assert figures["onport_relay_gateway_group_sales_count"] == "1.0"
    assert "secret-key" not in answer.text


def test_the_description_names_every_path_and_loads_nothing_from_elsewhere(shop: Shop) -> None:
    answer = shop.get("/docs")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f"{route.method} {route.path}" in answer.text for route in ROUTES)
    assert re.findall(r"(?:src|href)=\"?([^\">]+)", answer.text) == ["/openapi.json"]


def test_without_a_token_the_page_is_off_and_says_how_to_turn_it_on(shop: Shop) -> None:
    answer = shop.get("/")

    assert "The page is off" in answer.text
    assert "ONPORT_RELAY_PAGE_TOKEN" in answer.text
    assert shop.get("/page/session").status_code == 404


def test_the_description_has_every_path_and_what_the_queue_checks(shop: Shop) -> None:
    described = shop.get("/openapi.json").json()

    assert {route.path for route in ROUTES} <= described["paths"].keys()
    schemas = described["components"]["schemas"]
    assert schemas["Sale"]["required"] == ["externalId"]
    references = set(re.findall(r"#/components/schemas/(\w+)", str(described)))
    assert references <= schemas.keys()


@pytest.mark.parametrize("path", ["/", "/docs", "/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_pages_are_only_read(shop: Shop, path: str) -> None:
    answer = shop.post(path, b"")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert shop.send("HEAD", path, b"").status_code == 200


def test_a_put_of_ordinary_size_has_room_in_an_empty_spool(guarded: Settings) -> None:
    spool = Spool.of(guarded, SystemClock())

    spool.check_room()
    spool.append(a_put())

    assert spool.contents().puts == 1
