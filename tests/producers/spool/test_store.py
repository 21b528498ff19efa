"""A put that was kept is on the disk, as it was."""

import multiprocessing
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.producers.spool.conftest import a_put, fill

from onport_producers.spool import Spool
from onport_queue.errors import BrokerUnavailableError, SpoolError
from onport_queue.fold import Mode
from onport_queue.jobs import Job, Link, LinkJob
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch

MakeSpool = Callable[..., Spool]

SALES = [Job("1", '{ "ö":"😀"}'.encode())]
PRODUCTS = [Job("sku=1", b"\xff{"), Job("b", b"")]
LINKS = [LinkJob("sku:1", (Link("a", b'"a"'), Link("b", b'"b"')), 9), LinkJob("2", ())]
BATCHES = [
    PutBatch(b"\x00\xff", Kind.SALE, "uk", Lane.HIGH, SALES, latest_ms=5),
    PutBatch(b"2", Kind.SALE, "uk", Lane.LOW, [Job("1", b"{}", 7)], Mode.PARTIAL, latest_ms=6),
    PutBatch(b"3", Kind.PRODUCT, "uk", Lane.LOW, PRODUCTS, latest_ms=7),
    PutBatch(b"4", Kind.DISCONNECT, "uk", Lane.LOW, LINKS, latest_ms=8),
    PutBatch(b"5", Kind.SALE, "uk", Lane.LOW, SALES, latest_ms=9, not_before_ms=10),
    PutBatch(b"6", Kind.PRODUCT, "uk", Lane.LOW, PRODUCTS, latest_ms=9, skip_unchanged=True),
]


def kept(spool: Spool) -> list[PutBatch]:
    return [entry.batch for entry in spool.first(1_000)]


def test_puts_come_back_in_order_and_as_they_were(spool: Spool, a_spool: MakeSpool) -> None:
    for batch in BATCHES:
        spool.append(batch)
    assert kept(a_spool()) == [replace(batch, kept=True) for batch in BATCHES]


def test_asking_makes_no_file(spool: Spool) -> None:
    assert not spool.is_holding()
    assert spool.first(1) == []
    assert spool.fact("epoch") is None
    assert spool.contents().puts == 0
    assert not spool.path.parent.exists()


def test_the_file_is_for_its_owner_only(spool: Spool) -> None:
    spool.append(a_put())
    assert spool.path.parent.stat().st_mode & 0o777 == 0o700
    files = list(spool.path.parent.iterdir())
    assert len(files) == 3  # with the side files of SQLite's WAL
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_removed_puts_are_gone_and_the_others_stay(spool: Spool) -> None:
    for key in "123":
        spool.append(a_put(key))
    spool.remove([spool.first(2)[1].place])
    assert [batch.jobs[0].key for batch in kept(spool)] == ["1", "3"]


def test_a_put_that_was_set_aside_holds_nobody_up_and_is_not_lost(spool: Spool) -> None:
    spool.append(a_put("bad"))
    spool.set_aside(spool.first(1)[0].place, "the reason")
    assert not spool.is_holding()
    contents = spool.contents()
    assert (contents.puts, [aside.reason for aside in contents.refused]) == (0, ["the reason"])


def test_of_many_set_aside_the_first_hundred_are_told_and_all_are_counted(spool: Spool) -> None:
    for number in range(103):
        spool.append(a_put(str(number)))
    for entry in spool.first(103):
        spool.set_aside(entry.place, "the reason")
    contents = spool.contents()
    assert (contents.refused_puts, len(contents.refused)) == (103, 100)


def test_a_put_is_set_aside_and_readmitted_in_a_full_spool_too(a_spool: MakeSpool) -> None:
    spool = a_spool(most_mb=1)
    with pytest.raises(SpoolError, match="full"):
        fill(spool)
    held = kept(spool)
    spool.set_aside(spool.first(1)[0].place, "the reason")
    assert kept(spool) == held[1:]
    spool.readmit()
    assert kept(spool) == held
    with pytest.raises(SpoolError, match="full"):
        fill(spool)


@pytest.mark.parametrize("text", [b'[["1",nu', b"[[1]]", b"7", b"\xff\xfe"])
def test_a_put_that_can_not_be_read_is_set_aside(spool: Spool, text: bytes) -> None:
    for key in "123":
        spool.append(a_put(key))
    spool.close()
    with closing(sqlite3.connect(spool.path)) as damager, damager:
        damager.execute("UPDATE puts SET jobs = ? WHERE place < 3", (text,))
    assert [entry.batch.jobs[0].key for entry in spool.first(2)] == ["3"]
    assert spool.contents().refused_puts == 2


def test_no_more_is_read_at_a_time_than_asked_for(spool: Spool) -> None:
    for key in "1234":
        spool.append(a_put(key, b"x" * 40_000))
    assert len(spool.first(10, most_bytes=1)) == 1
    assert len(spool.first(10, most_bytes=100_000)) == 3
    assert len(spool.first(2, most_bytes=100_000)) == 2


def test_accounts_are_apart(a_spool: MakeSpool) -> None:
    a_spool(account="one").append(a_put())
    assert not a_spool(account="two").is_holding()
    assert a_spool(account="one").is_holding()


def test_a_full_spool_says_so_and_keeps_what_it_has(a_spool: MakeSpool) -> None:
    spool = a_spool(most_mb=1)
    with pytest.raises(SpoolError, match=r"full: it may have 1 MB \(spool_mb\)") as full:
        fill(spool)
    assert isinstance(full.value, BrokerUnavailableError)
    assert "Redis may; putting it again is safe" in str(full.value)
    held = len(kept(spool))
    assert 10 < held < 30
    spool.remove([entry.place for entry in spool.first(5)])
    spool.append(a_put("again", b"x" * 50_000))
    assert len(kept(spool)) == held - 4


def test_a_folder_that_can_not_be_written_is_named(a_spool: MakeSpool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = a_spool(tmp_path / "file" / "spool.db")
    assert not spool.is_holding()
    with pytest.raises(SpoolError, match=r"spool .*/file/spool\.db: "):
        spool.append(a_put())


def test_a_damaged_file_is_named_and_left_as_it_is(a_spool: MakeSpool) -> None:
    spool = a_spool()
    spool.append(a_put())
    spool.close()
    damaged = b"not a database " * 1_000
    spool.path.write_bytes(damaged)
    for name in ("-wal", "-shm"):
        spool.path.with_name(spool.path.name + name).unlink(missing_ok=True)
    with pytest.raises(SpoolError, match="damaged; keep it"):
        a_spool().append(a_put())
    assert spool.path.read_bytes() == damaged


def test_a_torn_write_loses_at_most_what_was_never_taken(a_spool: MakeSpool) -> None:
    # Killed without a chance to tidy up, as a power cut does; the last bytes did not make it.
    pid = os.fork()
    if pid == 0:
        dying = a_spool()
        for number in range(20):
            dying.append(a_put(str(number), b"x" * 2_000))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    spool = a_spool()
    log = spool.path.with_name(spool.path.name + "-wal")
    log.write_bytes(log.read_bytes()[:-1_000])
    assert [batch.jobs[0].key for batch in kept(spool)] == [str(number) for number in range(19)]


WRITER = """
import sys
from pathlib import Path
from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
spool = Spool(Path(sys.argv[1]), "default", most_mb=100, clock=SystemClock())
for number in range(100_000):
    job = Job(f"{sys.argv[2]}-{number}", b"x" * 500)
    spool.append(PutBatch(b"%d" % number, Kind.SALE, "default", Lane.HIGH, [job], latest_ms=1))
    print(number, flush=True)
"""


def test_what_was_taken_is_there_after_kill_9_of_several_writers(
    spool: Spool, a_spool: MakeSpool
) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(spool.path), name], stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b", "c")
    ]
    taken = [killed_after(writer, 100) for writer in writers]
    keys = [entry.batch.jobs[0].key for entry in a_spool().first(100_000)]
    for name, many in zip("abc", taken, strict=True):
        assert many >= 100
        mine = [key for key in keys if key.startswith(name)]
        assert mine[:many] == [f"{name}-{number}" for number in range(many)]


def killed_after(writer: subprocess.Popen[str], puts: int) -> int:
    """Kill a writer when it has told of so many puts; return of how many it has told."""
    assert writer.stdout is not None
    told = 0
    for _ in writer.stdout:
        told += 1
        if told == puts:
            writer.kill()
    writer.wait()
    writer.stdout.close()
    return told


def test_a_disk_that_is_full_is_a_clear_error_and_what_was_taken_stays(
    a_spool: MakeSpool, tmp_path: Path
) -> None:
    path = tmp_path / "spool.db"
    taken = multiprocessing.get_context("fork").Value("i", 0)

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        spool = a_spool(path)
        try:
            while True:
                spool.append(a_put(body=b"x" * 20_000))
                taken.value += 1
        except SpoolError as error:
            os._exit(0 if str(path) in str(error) else 2)
        finally:
            os._exit(3)

    pid = os.fork()
    if pid == 0:
        fill()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert taken.value > 3
    assert len(kept(a_spool(path))) == taken.value


def test_a_spool_may_be_used_before_and_after_a_fork(spool: Spool) -> None:
    spool.append(a_put("before"))
    pid = os.fork()
    if pid == 0:
        spool.append(a_put("child"))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    spool.append(a_put("parent"))
    assert [batch.jobs[0].key for batch in kept(spool)] == ["before", "child", "parent"]


def test_a_spool_of_an_earlier_release_is_read_and_marked(a_spool: MakeSpool) -> None:
    spool = a_spool()
    spool.append(a_put("earlier"))
    spool.close()
    with closing(sqlite3.connect(spool.path)) as file:
        file.execute("PRAGMA user_version = 0")  # as before the format was written down
    assert [batch.jobs[0].key for batch in kept(spool)] == ["earlier"]
    spool.close()
    with closing(sqlite3.connect(spool.path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_spool_of_a_newer_release_is_refused_and_left_as_it_is(a_spool: MakeSpool) -> None:
    spool = a_spool()
    spool.append(a_put("newer"))
    spool.close()
    with closing(sqlite3.connect(spool.path)) as file:
        file.execute("PRAGMA user_version = 2")
    before = spool.path.read_bytes()
    with pytest.raises(SpoolError, match="of format 2, this release of the relay reads 1: upgrade"):
        spool.append(a_put("older"))
    assert spool.path.read_bytes() == before
