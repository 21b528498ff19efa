import subprocess
import sys
import threading
import weakref
from collections.abc import Callable

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from onport_producers.errand import Errands

HANGS = """
import threading
from onport_producers.errand import Errands
Errands().run(lambda: 1, bound_s=0.1, afterwards=lambda _: threading.Event().wait())
"""


def test_it_returns_what_the_work_returned_once_the_rest_is_done() -> None:
    told: list[int] = []
    assert Errands().run(lambda: 7, bound_s=5, afterwards=told.append) == 7
    assert told == [7]


def test_it_raises_what_the_work_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        Errands().run(lambda: 1 // 0, bound_s=5)


def test_work_that_hangs_is_left_to_itself_and_finishes_later() -> None:
    go_on, finished = threading.Event(), threading.Event()
    with pytest.raises(RedisTimeoutError, match=r"no answer within 0\.01 s"):
        Errands().run(lambda: go_on.wait(5), bound_s=0.01, afterwards=lambda _: finished.set())
    go_on.set()
    assert finished.wait(5)


def test_who_comes_while_others_hang_does_not_queue_behind_them() -> None:
    errands, go_on = Errands(), threading.Event()
    for _ in range(5):
        with pytest.raises(RedisTimeoutError):
            errands.run(lambda: go_on.wait(5), bound_s=0.01)
    assert errands.run(lambda: "at once", bound_s=5) == "at once"
    go_on.set()


def test_threads_are_used_again() -> None:
    errands, used = Errands(), set[int]()
    for _ in range(50):
        errands.run(lambda: used.add(threading.get_ident()), bound_s=5)
    # A caller may be back before the thread has said that it is idle.
    assert len(used) < 10


def test_a_thread_that_has_had_nothing_to_do_for_a_while_ends(
    wait_until: Callable[..., None],
) -> None:
    errands, used = Errands(idles_s=0.05), list[threading.Thread]()
    errands.run(lambda: used.append(threading.current_thread()), bound_s=5)
    wait_until(lambda: not used[0].is_alive())

    assert errands.run(lambda: "again", bound_s=5) == "again"


def test_no_errand_is_lost_to_a_thread_that_ends() -> None:
    errands = Errands(idles_s=0.0001)
    assert [errands.run(lambda: 1, bound_s=5) for _ in range(2_000)] == [1] * 2_000


def test_what_was_done_is_not_held_on_to(wait_until: Callable[..., None]) -> None:
    class Payload:
        pass

    payload = Payload()
    gone = weakref.ref(payload)
    errands = Errands()
    errands.run(lambda payload=payload: payload, bound_s=5)  # type: ignore[misc]  # bound now
    del payload
    wait_until(lambda: gone() is None)


def test_a_process_ends_though_something_hangs() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], timeout=20, check=False)
    assert ended.returncode == 0
