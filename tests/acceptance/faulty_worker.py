"""The worker with a fault: it kills or stops itself at a step, or keeps its processor busy.

A Celery app of its own, `-A tests.acceptance.faulty_worker`; the product knows nothing of it.
RELAY_TEST_FAULT is `kill:<step>` or `stop:<step>`, each once, or `busy:<threads>` from the first
claim on.
"""

import os
import signal
import threading
from collections.abc import Callable

from onport_worker.app import RelayStep, app
from onport_worker.steps import Step, Steps

__all__ = ["app"]

VARIABLE = "RELAY_TEST_FAULT"

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def _at(at: Step, fail: Callable[[], None]) -> Steps:
    first = threading.Semaphore(1)

    def reached(step: Step) -> None:
        if step is at and first.acquire(blocking=False):
            fail()

    return reached


def _signal_itself(number: signal.Signals) -> None:
    # To the thread: sent to the process, it would let this thread go on for a moment.
    signal.pthread_kill(threading.get_ident(), number)


def _keep_busy(threads: int) -> None:
    def spin() -> None:
        while True:
            sum(range(1_000))

    for _ in range(threads):
        threading.Thread(target=spin, daemon=True).start()


_fault, _, _detail = os.environ[VARIABLE].partition(":")
if _fault == "busy":
    RelayStep.steps = staticmethod(_at(Step.CLAIMED, lambda: _keep_busy(int(_detail))))
else:
    RelayStep.steps = staticmethod(_at(Step(_detail), lambda: _signal_itself(_SIGNALS[_fault])))
