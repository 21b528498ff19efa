"""What all tests share: a real broker, a patient wait, and tools that must be there."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from onport_worker.embedded import EmbeddedBroker

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

_POLL_S = 0.01


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real broker, one for each test process."""
    # What is on the disk after a power cut is not what these tests ask; a killed server loses
    # nothing under "no" either, since the system still has the pages.
    with EmbeddedBroker(tmp_path_factory.mktemp("broker"), appendfsync="no") as broker:
        yield broker.url


@pytest.fixture
def redis_client(broker_url: str) -> Iterator[redis.Redis]:
    """A client of the broker, which is empty."""
    with redis.Redis.from_url(broker_url, decode_responses=False) as client:
        # By default Valkey frees in the background, and the next test meets the last one's memory.
        client.execute_command("FLUSHALL", "SYNC")
        yield client


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresServer"]:
    """A real PostgreSQL, one for each test process that asks for it."""
    # Here, since the environment with the oldest libraries has no driver.
    from tests.postgres import PostgresServer  # noqa: PLC0415

    with PostgresServer() as server:
        yield server


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """A bounded wait for a condition that another process or thread brings about."""

    def wait(condition: Callable[[], bool], *, within_s: float = 10.0) -> None:
        never = threading.Event()
        for _ in range(int(within_s / _POLL_S)):
            if condition():
                return
            never.wait(_POLL_S)
        pytest.fail(f"{condition} did not come true within {within_s} s")

    return wait


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], Path]:
    """Ask for a tool of the machine, which pip can't bring; without it the test skips, naming it.

    Under RELAY_NO_SKIP=1, as in .ci/run, the test fails instead.
    """

    def require(name: str) -> Path:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
        message = f"needs the tool {name}, which is not on PATH"
        if os.environ.get("RELAY_NO_SKIP") == "1":
            pytest.fail(f"{message}, and RELAY_NO_SKIP=1 allows no skip")
        pytest.skip(message)

    return require
