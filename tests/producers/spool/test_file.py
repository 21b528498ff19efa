"""What was acknowledged is in the file that others find, whoever opens, forks, closes or moves."""

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.producers.spool.conftest import a_put

from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
from onport_queue.errors import SpoolError

MakeSpool = Callable[..., Spool]

LOOKER = """
import sys
from pathlib import Path
from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
spool = Spool(Path(sys.argv[1]), "default", most_mb=10, clock=SystemClock())
print(*(entry.batch.jobs[0].key for entry in spool.first(100)))
spool.close()
"""

FORKING = """
import ctypes, os, sys
from pathlib import Path
from tests.producers.spool.conftest import a_put
from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
spool = Spool(Path(sys.argv[1]), "default", most_mb=10, clock=SystemClock())
spool.append(a_put("before"))
pid = ctypes.PyDLL(None).fork()  # as uWSGI does
if pid == 0:
    spool.append(a_put("child"))
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
spool.append(a_put("parent"))
spool.close()
"""


def seen_by_another_process(path: Path) -> list[str]:
    """Open the file, read, and close it, as `spool status` does."""
    looker = subprocess.run(
        [sys.executable, "-c", LOOKER, str(path)], capture_output=True, text=True, check=True
    )
    return looker.stdout.split()


def test_two_spools_of_a_process_do_not_take_each_others_locks_away(a_spool: MakeSpool) -> None:
    first, second = a_spool(), a_spool()
    first.append(a_put("1"))
    assert second.is_holding()
    assert seen_by_another_process(first.path) == ["1"]
    first.append(a_put("2"))
    second.append(a_put("3"))
    assert seen_by_another_process(first.path) == ["1", "2", "3"]


def test_a_child_that_outlives_its_parent_has_locks_of_its_own(spool: Spool) -> None:
    spool.append(a_put("parent"))
    parent_ended, end_parent = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            spool.append(a_put("child-1"))
            os.close(end_parent)
            os.read(parent_ended, 1)  # until the parent has closed its end
            assert seen_by_another_process(spool.path) == ["parent", "child-1"]
            spool.append(a_put("child-2"))
            code = 0
        finally:
            os._exit(code)
    spool.close()
    os.close(end_parent)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert seen_by_another_process(spool.path) == ["parent", "child-1", "child-2"]


def test_a_fork_waits_for_what_another_thread_is_keeping(spool: Spool) -> None:
    forking, kept = threading.Event(), 200

    def keep() -> None:
        for number in range(kept):
            spool.append(a_put(str(number)))
            forking.set()

    keeper = threading.Thread(target=keep)
    keeper.start()
    forking.wait()
    children = []
    for child in range(5):
        pid = os.fork()
        if pid == 0:
            spool.append(a_put(f"child-{child}"))
            os._exit(0)
        children.append(pid)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    keeper.join()
    assert codes == [0] * 5
    keys = [entry.batch.jobs[0].key for entry in spool.first(1_000)]
    assert [key for key in keys if key.isdigit()] == [str(number) for number in range(kept)]
    assert sorted(set(keys))[-5:] == [f"child-{child}" for child in range(5)]


def test_a_fork_behind_pythons_back_does_no_harm_while_the_parent_lives(spool: Spool) -> None:
    # In a process of its own: beside other threads the child may wait for one of them for good,
    # since Python does not know that it is alone.
    forked = subprocess.run(
        [sys.executable, "-c", FORKING, str(spool.path)],
        cwd=Path(__file__).parents[3],
        timeout=60,
        check=False,
    )
    assert forked.returncode == 0
    assert seen_by_another_process(spool.path) == ["before", "child", "parent"]


def test_a_file_that_was_moved_away_is_made_anew(spool: Spool) -> None:
    spool.append(a_put("1"))
    for file in list(spool.path.parent.iterdir()):
        file.rename(file.with_name(f"old-{file.name}"))
    assert not spool.is_holding()
    spool.append(a_put("2"))
    assert spool.is_holding()
    assert seen_by_another_process(spool.path) == ["2"]
    assert seen_by_another_process(spool.path.with_name("old-spool.db")) == ["1"]


def test_a_file_that_was_deleted_is_made_anew(spool: Spool) -> None:
    spool.append(a_put("1"))
    for file in list(spool.path.parent.iterdir()):
        file.unlink()
    spool.append(a_put("2"))
    assert seen_by_another_process(spool.path) == ["2"]


def test_what_was_removed_does_not_stay_in_the_file(spool: Spool) -> None:
    spool.append(a_put("1", b'"Jane Doe, 1 Main Street"' * 1_000))
    spool.remove([spool.first(1)[0].place])
    spool.close()
    assert b"Jane Doe" not in spool.path.read_bytes()


def test_a_path_that_can_not_even_be_asked_about_is_named(
    a_spool: MakeSpool, tmp_path: Path
) -> None:
    spool = a_spool(tmp_path / ("x" * 300))
    with pytest.raises(SpoolError, match=r"spool .*xxx: "):
        spool.is_holding()
    with pytest.raises(SpoolError, match=r"spool .*xxx: "):
        spool.append(a_put())


def test_a_spool_that_is_dropped_closes_its_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", "default", most_mb=10, clock=SystemClock())
    spool.append(a_put("1"))
    assert open_handles(tmp_path) > 0
    del spool
    gc.collect()
    assert open_handles(tmp_path) == 0


def open_handles(folder: Path) -> int:
    handles = Path("/proc/self/fd").iterdir()
    return sum(1 for handle in handles if str(os.path.realpath(handle)).startswith(str(folder)))
