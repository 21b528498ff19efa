import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from tests.producers.spool.conftest import a_put
from tests.worker.cli.conftest import Run

from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
from onport_queue.store import Queue
from onport_worker.cli.persistence import doubts


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Keep so many puts in a spool, and return its file."""
    spool = Spool(tmp_path / "spool.db", "default", most_mb=10, clock=SystemClock())

    def keep(puts: int) -> Path:
        for number in range(puts):
            spool.append(a_put(str(number)))
        return spool.path

    yield keep
    spool.close()


def test_flush_hands_over_what_is_there(
    run: Run, kept: Callable[[int], Path], redis_client: redis.Redis
) -> None:
    path = kept(120)
    result = run("spool", "flush", SPOOL_PATH=str(path))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Flushed: 120 puts with 120 jobs, none left.\n"
    assert Queue(redis_client).stats().pending == 120
    again = run("spool", "flush", "--json", SPOOL_PATH=str(path))
    assert json.loads(again.stdout)["flushed"] == 0


def test_flush_without_a_file_has_nothing_to_do(run: Run, tmp_path: Path) -> None:
    result = run("spool", "flush", SPOOL_PATH=str(tmp_path / "none.db"))
    assert result.stdout == "Flushed: 0 puts with 0 jobs, none left.\n"


def test_flush_says_that_the_broker_is_away_and_what_remains(
    run_alone: Run, kept: Callable[[int], Path]
) -> None:
    path = kept(3)
    result = run_alone(
        "spool", "flush", SPOOL_PATH=str(path), REDIS_URL="redis://:hunter2@127.0.0.1:1/0"
    )
    assert result.exit_code == 1
    assert result.stdout == "Flushed: 0 puts with 0 jobs, 3 left.\n"
    assert "broker 127.0.0.1:1: " in result.stderr
    assert "hunter2" not in result.output


def test_flush_sets_aside_what_is_refused_and_tries_it_again_when_told(
    run: Run, kept: Callable[[int], Path], redis_client: redis.Redis
) -> None:
    path, in_the_way = kept(2), "onport-relay:{default}:history"
    redis_client.set(in_the_way, "")
    result = run("spool", "flush", SPOOL_PATH=str(path))
    assert result.exit_code == 1
    assert result.stdout.startswith("Flushed: 0 puts with 0 jobs, none left.\nRefused  put 1, ")
    redis_client.delete(in_the_way)
    assert run("spool", "flush", SPOOL_PATH=str(path)).exit_code == 1
    again = run("spool", "flush", "--refused", SPOOL_PATH=str(path))
    assert again.exit_code == 0
    assert Queue(redis_client).stats().pending == 2


def test_what_was_refused_is_dropped_when_told_and_nothing_else(
    run: Run, kept: Callable[[int], Path]
) -> None:
    path = kept(2)
    spool = Spool(path, "default", most_mb=10, clock=SystemClock())
    spool.set_aside(spool.first(1)[0].place, "why")

    asked = run("spool", "discard", SPOOL_PATH=str(path))
    assert (asked.exit_code, spool.contents().refused_puts) == (2, 1)
    assert "--yes" in asked.stderr

    told = run("spool", "discard", "--yes", SPOOL_PATH=str(path))
    assert told.exit_code == 0
    assert told.stdout == "Refused  put 1, 1 job of sale: why\nDiscarded: 1 put.\n"
    contents = spool.contents()
    assert (contents.puts, contents.refused_puts) == (1, 0)
    spool.close()


def test_status_needs_no_broker(run_alone: Run, kept: Callable[[int], Path]) -> None:
    path = kept(2)
    told = run_alone("spool", "status", SPOOL_PATH=str(path))
    assert f"Spool    {path}, 0.0 of 256 MB" in told.stdout
    assert "Holds    2 puts with 2 jobs, the oldest since " in told.stdout
    found = json.loads(run_alone("spool", "status", "--json", SPOOL_PATH=str(path)).stdout)
    assert (found["puts"], found["jobs"], found["refused"]) == (2, 2, [])


def test_status_counts_what_it_does_not_show(run_alone: Run, kept: Callable[[int], Path]) -> None:
    path = kept(102)
    spool = Spool(path, "default", most_mb=10, clock=SystemClock())
    for entry in spool.first(102):
        spool.set_aside(entry.place, "a reason")
    told = run_alone("spool", "status", SPOOL_PATH=str(path)).stdout
    spool.close()
    assert told.count("Refused  put ") == 100
    assert "Refused  2 more\n" in told


def test_a_path_in_memory_is_doubted_and_one_on_a_disk_is_not(tmp_path: Path) -> None:
    assert any("is on tmpfs" in doubt for doubt in doubts(Path("/dev/shm/relay/spool.db")))
    assert list(doubts(Path("/usr/lib/relay/spool.db"))) == []
    (tmp_path / "with space").mkdir()
    assert any("temporary" in doubt for doubt in doubts(tmp_path / "with space" / "x"))
