"""Trials that run at the same time, each in a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from threading import BrokenBarrierError
from typing import TypeVar

_FORK = multiprocessing.get_context("fork")
"""What is to be done need not be pickled; nothing of a trial runs in the process that forks."""
_PATIENCE_S = 300.0

T = TypeVar("T")


class Start:
    """Where those who run at the same time wait for each other."""

    def __init__(self, parties: int) -> None:
        self._barrier = _FORK.Barrier(parties)

    def await_others(self) -> None:
        """Return when all others are here, too, or one of them has left."""
        with suppress(BrokenBarrierError):  # one has failed: the others do without it
            self._barrier.wait(_PATIENCE_S)

    def leave(self) -> None:
        """Let nobody wait for the caller any more."""
        self._barrier.abort()


def together(work: Sequence[Callable[[], T]]) -> list[T]:
    """Do all at the same time; return what each gives, in their order.

    An interrupt ends all of them, and what they run.
    """
    children: list[tuple[ForkProcess, Connection]] = []
    try:
        for one in work:
            result, end = _FORK.Pipe(duplex=False)
            child = _FORK.Process(target=_do, args=(one, end))
            child.start()
            end.close()
            children.append((child, result))
        return [result.recv() for _, result in children]
    except BaseException:
        for child, _ in children:
            child.terminate()
        raise
    finally:
        for child, result in children:
            child.join()
            result.close()


def _do(work: Callable[[], T], end: Connection) -> None:
    # Ctrl-C is for the process that forked, which then ends all of them in order, and once.
    os.setsid()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        end.send(work())
