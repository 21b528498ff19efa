import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from onport_producers.gateway.page.feed import MOST_VIEWERS, Feed, FullError


class Looks:
    """Counts, and can fail."""

    def __init__(self) -> None:
        self.many = 0
        self.fails = False

    def __call__(self) -> bytes:
        if self.fails:
            raise LookupError("no look")
        self.many += 1
        return b"%d" % self.many


def in_loop(scenario: Callable[[Feed, Looks], object]) -> None:
    async def run() -> None:
        with ThreadPoolExecutor(1) as executor:
            looks = Looks()
            await scenario(Feed(looks, executor, every_s=0.005), looks)  # type: ignore[misc] # a scenario is awaitable

    asyncio.run(run())


async def watch(feed: Feed, many: int) -> list[bytes]:
    seen: list[bytes] = []
    with feed.seat():
        async for look in feed.looks():
            seen.append(look)
            if len(seen) == many:
                break
    return seen


def test_all_who_watch_share_one_look() -> None:
    async def scenario(feed: Feed, looks: Looks) -> None:
        seen = await asyncio.gather(*(watch(feed, 3) for _ in range(20)))

        assert all(each == [b"1", b"2", b"3"] for each in seen)
        assert looks.many <= 4

    in_loop(scenario)


def test_nobody_looks_while_nobody_watches() -> None:
    async def scenario(feed: Feed, looks: Looks) -> None:
        await watch(feed, 2)
        for _ in range(5):  # turns of the loop, in which what was cancelled ends
            await asyncio.sleep(0)

        assert asyncio.all_tasks() == {asyncio.current_task()}
        seen = looks.many
        assert int((await watch(feed, 1))[0]) > seen

    in_loop(scenario)


def test_whoever_comes_later_sees_the_latest_at_once() -> None:
    async def scenario(feed: Feed, looks: Looks) -> None:
        with feed.seat():
            async for look in feed.looks():
                assert (await watch(feed, 1))[0] == look
                break
        del looks

    in_loop(scenario)


def test_there_are_so_many_seats_and_a_seat_that_is_left_is_free() -> None:
    async def scenario(feed: Feed, looks: Looks) -> None:
        del looks
        seats = [feed.seat() for _ in range(MOST_VIEWERS)]
        for seat in seats:
            seat.__enter__()
        with pytest.raises(FullError):
            await watch(feed, 1)
        seats[0].__exit__(None, None, None)

        assert await watch(feed, 1)

    in_loop(scenario)


def test_the_end_ends_it_for_everybody() -> None:
    async def scenario(feed: Feed, looks: Looks) -> None:
        del looks
        watching = [asyncio.create_task(watch(feed, 1_000_000)) for _ in range(3)]
        await watch(feed, 2)

        feed.end()

        async with asyncio.timeout(5):
            await asyncio.gather(*watching)
        assert feed.viewers == 0

    in_loop(scenario)


def test_a_look_that_fails_ends_the_stream_and_the_next_one_begins_anew() -> None:
    async def scenario(feed: Feed, looks: Looks) -> None:
        # The task's own end is told to the loop, whose words are not what is asked here.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        looks.fails = True
        with pytest.raises(LookupError):
            await watch(feed, 1)
        looks.fails = False

        assert await watch(feed, 1) == [b"1"]

    in_loop(scenario)
