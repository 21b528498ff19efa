"""A relay and an endpoint with a limit of its own, in simulated time.

The rate is that of lua/shared/rate.lua itself, run by Lua outside of the broker; the rest of the
gate (GCRA with a burst of two, a pause after a 429) is here in as few lines as it takes.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import lupa.lua51

Limit = Callable[[float], float | None]
"""Requests/s that the endpoint takes at a time in ms; None is no limit."""

_RATE = (files("onport_queue") / "lua" / "shared" / "rate.lua").read_text(encoding="utf-8")
_BURST = 2
_ASKED_MS = 1_000.0


def rate_functions() -> Any:  # Any: Lua's functions and tables
    """Return the functions of rate.lua, by name, and `table`, which makes a Lua table."""
    names = ("adapted_rate", "use_rate", "refuse_rate", "recovering_rate")
    table = ", ".join(f"{name} = {name}" for name in names)
    runtime = lupa.lua51.LuaRuntime()
    functions = runtime.execute(f"{_RATE}\nreturn {{ {table} }}")
    functions["table"] = runtime.table
    return functions


@dataclass
class Endpoint:
    """A token bucket that answers 429 when it is empty."""

    limit: Limit
    burst: float
    _tokens: float = 1.0
    _at: float = 0.0

    def takes(self, at: float) -> bool:
        limit = self.limit(at)
        if limit is None:
            return True
        self._tokens = min(self.burst, self._tokens + (at - self._at) * limit / 1000)
        self._at = at
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass
class Relay:
    """Always has work, and keeps a record of (when a request arrived, whether it was accepted)."""

    endpoint: Endpoint
    ceiling: float
    chance: random.Random
    latency_ms: tuple[float, float] = (20.0, 25.0)
    arrivals: list[tuple[float, bool]] = field(default_factory=list)

    def run(self, seconds: float) -> "Relay":
        lua = rate_functions()
        learnt = lua.table()
        tat = last = paused_until = now = 0.0
        wire: list[tuple[float, int, bool | None, float]] = []  # when, order, answer, claimed at
        order = 0
        while now < seconds * 1000:
            if wire and wire[0][0] <= max(now, paused_until):
                at, _, accepted, claimed_at = heapq.heappop(wire)
                if accepted is None:
                    accepted = self.endpoint.takes(at)
                    self.arrivals.append((at, accepted))
                    order += 1
                    heapq.heappush(wire, (at + self._half_way(), order, accepted, claimed_at))
                elif not accepted:
                    lua.refuse_rate(learnt, claimed_at, at, self.ceiling)
                    paused_until = max(paused_until, at + _ASKED_MS)
                    tat = paused_until + 1000 / lua.adapted_rate(learnt, self.ceiling)
                continue
            now = max(now, paused_until)
            interval = 1000 / lua.adapted_rate(learnt, self.ceiling)
            tat = min(max(tat, now), now + _BURST * interval)
            wait = tat + interval - _BURST * interval - now
            if wait > 0:
                # A worker is not back to the microsecond.
                now += wait + self.chance.uniform(0, 1)
                continue
            tat += interval
            lua.use_rate(learnt, now - last, interval)
            last = now
            order += 1
            heapq.heappush(wire, (now + self._half_way(), order, None, now))
            now += 0.2
        return self

    def _half_way(self) -> float:
        return self.chance.uniform(*self.latency_ms) / 2

    def use(self, begin_s: float, end_s: float, capacity: float) -> float:
        """Return the accepted share of what the endpoint would have taken in that time."""
        return self._count(begin_s, end_s, accepted=True) / capacity

    def refused(self, begin_s: float, end_s: float) -> float:
        """Return the share of requests that were answered 429."""
        refused = self._count(begin_s, end_s, accepted=False)
        return refused / max(1, refused + self._count(begin_s, end_s, accepted=True))

    def seconds_until(self, rate: float, begin_s: int) -> int:
        """Return after how many whole seconds a second first saw so many requests."""
        counts = [0] * 3600
        for at, _ in self.arrivals:
            counts[int(at / 1000)] += 1
        return next(second - begin_s for second in range(begin_s, 3600) if counts[second] >= rate)

    def _count(self, begin_s: float, end_s: float, *, accepted: bool) -> int:
        return sum(
            1
            for at, taken in self.arrivals
            if taken == accepted and begin_s * 1000 <= at < end_s * 1000
        )
