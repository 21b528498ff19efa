from datetime import timedelta

import pytest
import redis
from tests.worker.cli.conftest import bury

from onport_queue.clock import SystemClock
from onport_queue.names import Kind
from onport_queue.store import Queue
from onport_worker.alerts import dead_sales
from onport_worker.alerts.dead_sales import DeadSales


@pytest.fixture
def queue(redis_client: redis.Redis) -> Queue:
    return Queue(redis_client)


@pytest.fixture
def sales(queue: Queue) -> DeadSales:
    return DeadSales(queue, SystemClock())


def ids(sales: DeadSales) -> list[str]:
    return sorted(sale.id for sale in sales.look())


def test_dead_sales_are_found_and_other_dead_letters_are_not(
    queue: Queue, sales: DeadSales
) -> None:
    bury(queue, "1:a", channel="uk")
    bury(queue, "sku=1", kind=Kind.PRODUCT)
    (found,) = sales.look()
    assert (found.channel, found.id, found.status) == ("uk", "1:a", "422")
    assert abs(found.died - SystemClock().wall()) < timedelta(minutes=1)


def test_those_that_die_later_are_found_and_those_that_live_again_are_gone(
    queue: Queue, sales: DeadSales
) -> None:
    bury(queue, "1", "2")
    assert ids(sales) == ["1", "2"]
    bury(queue, "3")
    queue.discard(["sale:default:1"])
    queue.replay(["sale:default:2"])
    assert ids(sales) == ["3"]
    assert ids(sales) == ["3"]


def test_a_broker_that_came_back_empty_has_no_dead_sales(
    queue: Queue, sales: DeadSales, redis_client: redis.Redis
) -> None:
    bury(queue, "1")
    assert ids(sales) == ["1"]
    redis_client.flushall()
    assert ids(sales) == []


def test_of_very_many_a_bounded_number_is_known_and_the_others_when_there_is_room(
    queue: Queue, sales: DeadSales
) -> None:
    keys = [f"{number:04}" for number in range(dead_sales.MOST + 2)]
    for first in range(0, len(keys), 500):
        bury(queue, *keys[first : first + 500])
    assert ids(sales) == keys[:-2]
    queue.discard([f"sale:default:{key}" for key in keys[:10]])
    assert ids(sales) == keys[10:]
