import multiprocessing
import os
import signal
import threading

import pytest
from tests.benchmarks.together import Start, together

_FORK = multiprocessing.get_context("fork")
_WITHIN_S = 30


def test_each_is_a_process_of_its_own_and_results_keep_their_order() -> None:
    first, second = together([os.getpid, os.getpid])

    assert len({first, second, os.getpid()}) == 3
    assert together([lambda: "a", lambda: "b"]) == ["a", "b"]


def test_those_who_run_at_the_same_time_wait_for_each_other() -> None:
    start, came = Start(2), _FORK.Semaphore(0)

    def early() -> bool:
        start.await_others()
        return came.acquire(block=False)

    def late() -> bool:
        came.release()
        start.await_others()
        return True

    assert together([early, late]) == [True, True]


def test_nobody_waits_for_one_that_has_left() -> None:
    start = Start(2)

    def waits() -> str:
        start.await_others()
        return "went on"

    def fails() -> str:
        start.leave()
        return "failed"

    assert together([waits, fails]) == ["went on", "failed"]


def test_an_interrupt_ends_all_of_them() -> None:
    ready, parent = _FORK.Barrier(2), os.getpid()
    cleaned = _FORK.Semaphore(0)

    def lasts() -> None:
        try:
            if not ready.wait(_WITHIN_S):
                os.kill(parent, signal.SIGINT)
            threading.Event().wait(_WITHIN_S)
        finally:
            cleaned.release()

    with pytest.raises(KeyboardInterrupt):
        together([lasts, lasts])

    assert cleaned.acquire(block=False)
    assert cleaned.acquire(block=False)
