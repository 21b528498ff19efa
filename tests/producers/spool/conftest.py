import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch

_ids = itertools.count(1)


def a_put(key: str = "1", body: bytes = b"{}", latest_ms: int | None = 1) -> PutBatch:
    """Return a put of one sale."""
    put_id = b"put-%d" % next(_ids)
    return PutBatch(put_id, Kind.SALE, "default", Lane.HIGH, [Job(key, body)], latest_ms=latest_ms)


def fill(spool: Spool) -> None:
    """Keep puts of 50 KB, 5 MB in all."""
    for number in range(100):
        spool.append(a_put(str(number), b"x" * 50_000))


@pytest.fixture
def a_spool(tmp_path: Path) -> Iterator[Callable[..., Spool]]:
    """Make spools of one file, closed with the test."""
    made: list[Spool] = []

    def make(
        path: Path = tmp_path / "spool" / "spool.db", account: str = "default", most_mb: int = 10
    ) -> Spool:
        made.append(Spool(path, account, most_mb=most_mb, clock=SystemClock()))
        return made[-1]

    yield make
    for spool in made:
        spool.close()


@pytest.fixture
def spool(a_spool: Callable[..., Spool]) -> Spool:
    return a_spool()
