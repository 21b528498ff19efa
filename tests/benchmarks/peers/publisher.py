"""The shop's side of a contender: a process that publishes what it is told, line by line.

Standard library only: it runs in each peer's own environment. A request is a line of JSON on its
input, the answer a line on its output; it ends when its input does.

- ``{"do": "many", "load": {...}}``: publish them as fast as the peer can; answers ``seconds``.
- ``{"do": "one", "load": {...}}``: publish the load's jobs one after the other, as a checkout does;
  answers the Unix time ``called_at`` of the first call.
- ``{"do": "time", "load": {...}, "callers": 8}``: publish them one by one, so many callers at the
  same time; answers ``ms``, what each call took.
"""

import asyncio
import json
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from tests.benchmarks.payloads import Lane, Load, Payload

Job = tuple[str, Payload]
"""Where it is to be sent, and what."""


class Publisher(ABC):
    """Publishes by calls that return when the broker has the job."""

    @abstractmethod
    def one(self, job: Job, lane: Lane) -> None:
        """Publish one, as a checkout does."""

    @abstractmethod
    def many(self, jobs: Iterable[Job], lane: Lane) -> None:
        """Publish many, as the peer's documentation advises."""

    def serve(self) -> None:
        """Answer until the input ends."""
        for request in map(json.loads, sys.stdin):
            _answer(self._done(request))

    def _done(self, request: dict[str, Any]) -> dict[str, Any]:
        load = Load(**request["load"])
        match request["do"]:
            case "many":
                began = time.perf_counter()
                self.many(load, load.lane)
                return {"seconds": time.perf_counter() - began}
            case "one":
                jobs = list(load)
                called_at = _unix_time()
                for job in jobs:
                    self.one(job, load.lane)
                return {"called_at": called_at}
            case "time":
                return {"ms": self._timed(load, request["callers"])}
            case unknown:
                raise ValueError(f"do: {unknown!r}, expected many, one or time")

    def _timed(self, load: Load, callers: int) -> list[float]:
        shares = _shares(load, callers)
        took_ms: list[float] = []

        def call(share: list[Job]) -> None:
            for job in share:
                began = time.perf_counter()
                self.one(job, load.lane)
                took_ms.append((time.perf_counter() - began) * 1000)

        threads = [threading.Thread(target=call, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(took_ms) < load.jobs:
            raise RuntimeError(f"{load.jobs - len(took_ms)} of {load.jobs} calls failed, see above")
        return took_ms


class AsyncPublisher(Publisher):
    """Publishes by coroutines; concurrent callers are tasks of one event loop."""

    _runner: asyncio.Runner

    @abstractmethod
    async def open(self) -> None:
        """Connect."""

    @abstractmethod
    async def put(self, job: Job, lane: Lane) -> None:
        """Publish one, as a checkout does."""

    @abstractmethod
    async def put_many(self, jobs: Iterable[Job], lane: Lane) -> None:
        """Publish many, as the peer's documentation advises."""

    def serve(self) -> None:
        """Answer until the input ends."""
        with asyncio.Runner() as self._runner:
            self._runner.run(self.open())
            super().serve()

    def one(self, job: Job, lane: Lane) -> None:
        """Publish one."""
        self._runner.run(self.put(job, lane))

    def many(self, jobs: Iterable[Job], lane: Lane) -> None:
        """Publish many."""
        self._runner.run(self.put_many(jobs, lane))

    def _timed(self, load: Load, callers: int) -> list[float]:
        return self._runner.run(self._timed_together(load, callers))

    async def _timed_together(self, load: Load, callers: int) -> list[float]:
        took_ms: list[float] = []

        async def call(share: list[Job]) -> None:
            for job in share:
                began = time.perf_counter()
                await self.put(job, load.lane)
                took_ms.append((time.perf_counter() - began) * 1000)

        async with asyncio.TaskGroup() as group:
            for share in _shares(load, callers):
                group.create_task(call(share))
        return took_ms


def in_chunks(jobs: Iterable[Job], size: int) -> Iterator[list[Job]]:
    """Yield them by so many."""
    chunk: list[Job] = []
    for job in jobs:
        chunk.append(job)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _shares(load: Load, callers: int) -> list[list[Job]]:
    jobs = list(load)
    return [jobs[caller::callers] for caller in range(callers)]


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _unix_time() -> float:
    return time.time()  # noqa: TID251 - the peers' environments have no Clock
