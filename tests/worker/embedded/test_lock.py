import threading
from pathlib import Path

import pytest

from onport_queue.clock import Clock, SystemClock
from onport_worker.embedded import DirectoryInUseError
from onport_worker.embedded.lock import DirectoryLock, Holder, holder_of


def test_the_second_is_told_who_holds_the_directory(tmp_path: Path, hurried_clock: Clock) -> None:
    lock = DirectoryLock.acquire(tmp_path, clock=SystemClock())
    lock.record(Holder(pid=11, server_pid=22, port=3333))

    with pytest.raises(DirectoryInUseError, match=r"port 3333 .*pid 11, server pid 22") as refusal:
        DirectoryLock.acquire(tmp_path, clock=hurried_clock)

    assert (refusal.value.pid, refusal.value.server_pid, refusal.value.port) == (11, 22, 3333)
    lock.release()


def test_a_holder_that_has_not_written_yet_is_still_a_holder(
    tmp_path: Path, hurried_clock: Clock
) -> None:
    lock = DirectoryLock.acquire(tmp_path, clock=SystemClock())

    with pytest.raises(DirectoryInUseError, match="another broker is starting"):
        DirectoryLock.acquire(tmp_path, clock=hurried_clock)

    lock.release()


def test_an_orphan_that_leaves_within_a_moment_is_waited_for(tmp_path: Path) -> None:
    orphan = DirectoryLock.acquire(tmp_path, clock=SystemClock())
    threading.Timer(0.2, orphan.release).start()

    DirectoryLock.acquire(tmp_path, clock=SystemClock()).release()


def test_the_holder_is_read_while_it_holds_and_not_after(tmp_path: Path) -> None:
    lock = DirectoryLock.acquire(tmp_path, clock=SystemClock())
    lock.record(Holder(pid=11, server_pid=None, port=3333))
    while_held = holder_of(tmp_path)
    lock.release()

    assert while_held == Holder(pid=11, server_pid=None, port=3333)
    assert holder_of(tmp_path) is None


def test_a_shorter_record_replaces_a_longer_one_whole(tmp_path: Path) -> None:
    lock = DirectoryLock.acquire(tmp_path, clock=SystemClock())
    lock.record(Holder(pid=1234567, server_pid=1234568, port=65535))
    lock.record(Holder(pid=1, server_pid=2, port=3))

    assert lock.last() == Holder(pid=1, server_pid=2, port=3)
    lock.release()


def test_a_directory_that_never_had_a_broker_has_no_holder(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
