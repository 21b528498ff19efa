"""Who may flush: one process of a host at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn_of(path: Path) -> Iterator[bool]:
    """Be the host's only flusher while the context lasts; yields whether it is ours."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    _held.add(lock)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        if lock in _held:
            _held.discard(lock)
            # Not merely closed: a child that is just being forked has a copy of the handle.
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)


_held: set[int] = set()


def _leave_all() -> None:
    # If the parent is killed the turn lasts until the last copy of its handle is closed, and a web
    # server's child lives for days.
    for lock in _held:
        os.close(lock)
    _held.clear()


os.register_at_fork(after_in_child=_leave_all)
