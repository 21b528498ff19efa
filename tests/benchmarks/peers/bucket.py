"""A rate that all workers share, in Redis: what a team writes whose queue has none.

GCRA in one script: a caller reserves the next free moment and sleeps until it has come. So the rate
is used to the full, there is no polling, and nothing is handed back to the queue.
"""

import asyncio
import threading

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

_RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = tonumber(redis.call('GET', KEYS[1]) or 0)
if due < now then due = now end
redis.call('SET', KEYS[1], string.format('%.0f', due + ARGV[1]), 'PX', 60000)
return due - now
"""
_KEY = "bucket"


class Bucket:
    """For threads."""

    def __init__(self, url: str, rate: float) -> None:
        self._reserve = Redis.from_url(url).register_script(_RESERVE)
        self._interval_us = 1e6 / rate

    def take(self) -> None:
        """Return when a request may be sent."""
        wait_us = self._reserve(keys=[_KEY], args=[self._interval_us])
        if wait_us > 0:
            threading.Event().wait(wait_us / 1e6)


class AsyncBucket:
    """For tasks of one event loop."""

    def __init__(self, url: str, rate: float) -> None:
        self._reserve = AsyncRedis.from_url(url).register_script(_RESERVE)
        self._interval_us = 1e6 / rate

    async def take(self) -> None:
        """Return when a request may be sent."""
        wait_us = await self._reserve(keys=[_KEY], args=[self._interval_us])
        if wait_us > 0:
            await asyncio.sleep(wait_us / 1e6)
