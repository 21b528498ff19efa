"""A rate that all workers share, in Redis: what a team writes whose queue has none.

GCRA in one script. A caller reserves the next free moment and sleeps until it has come: so the rate
is used to the full, there is no polling, and nothing is handed back to the queue. Where new sales
must go first everything else yields: it reserves nothing, but tries again at the next free moment;
so a new sale has the next token, and while there always is one the others have none.
"""

import asyncio
import threading
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from tests.benchmarks.payloads import SALE_PATH
from tests.benchmarks.peers.setup import Setup

# Arguments: the interval in us, 1 to yield. Reply: whether the token is the caller's, and in how
# many us it is free. One interval of lateness is made up for, as it is in the relay (burst 2).
_TAKE = """
local time, interval = redis.call('TIME'), tonumber(ARGV[1])
local now = time[1] * 1000000 + time[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now - interval)
if ARGV[2] == '1' and due > now then return {0, due - now} end
redis.call('SET', KEYS[1], string.format('%.0f', due + interval), 'PX', 60000)
return {1, math.max(0, due - now)}
"""
_KEY = "bucket"


class Bucket:
    """For threads."""

    def __init__(self, setup: Setup) -> None:
        self._script = Redis.from_url(setup.broker).register_script(_TAKE)
        self._setup = setup

    def take(self, path: str) -> None:
        """Return when a request to a path may be sent."""
        mine = False
        while not mine:
            mine, wait_us = self._script(keys=[_KEY], args=_arguments(self._setup, path))
            if wait_us > 0:
                threading.Event().wait(wait_us / 1e6)


class AsyncBucket:
    """For tasks of one event loop."""

    def __init__(self, setup: Setup) -> None:
        self._script = AsyncRedis.from_url(setup.broker).register_script(_TAKE)
        self._setup = setup

    async def take(self, path: str) -> None:
        """Return when a request to a path may be sent."""
        mine = False
        while not mine:
            mine, wait_us = await self._script(keys=[_KEY], args=_arguments(self._setup, path))
            if wait_us > 0:
                await asyncio.sleep(wait_us / 1e6)


def _arguments(setup: Setup, path: str) -> list[Any]:
    yields = setup.lanes and path != SALE_PATH
    return [1e6 / setup.rate, int(yields)]
