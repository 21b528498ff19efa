"""Which dead letters are meant by all of them."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import cast

import pytest
import redis
from tests.producers.conftest import CountingWaker
from tests.producers.gateway.page.conftest import MovedClock
from tests.worker.cli.conftest import bury

from onport_producers.gateway.page.actions import Actions, Letters
from onport_queue.clock import Clock
from onport_queue.puts import JOBS_PER_PUT
from onport_queue.replies import DeadLetter
from onport_queue.store import Queue


@pytest.mark.parametrize("what", ["replay", "discard"])
def test_what_dies_while_the_pages_are_read_is_left_alone(
    redis_client: redis.Redis, waker: CountingWaker, what: str
) -> None:
    clock = MovedClock()
    as_of_ms = round(clock.wall().timestamp() * 1000)

    class Slow(Queue):
        """A queue whose second page comes an hour after the first."""

        def dead_pages(self, since_ms: int | None = None) -> Iterator[Iterable[DeadLetter]]:
            for number, page in enumerate(super().dead_pages(since_ms)):
                clock.passed = timedelta(hours=number)
                yield page

    queue = Slow(redis_client, "default")
    bury(queue, *map(str, range(JOBS_PER_PUT)))
    bury(queue, "died within the hour")
    actions = Actions({"default": queue}, {"default": ["default"]}, waker, cast("Clock", clock))
    clock.passed = timedelta()

    done = getattr(actions, what)(Letters(account="default", as_of_ms=as_of_ms))

    assert done == JOBS_PER_PUT
    assert [letter.key for letter in queue.dead()] == ["sale:default:died within the hour"]
