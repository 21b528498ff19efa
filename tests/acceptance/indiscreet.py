"""What quotes a shopper where it fails: schedules' functions, and a worker `-A` this module."""

import logging
import threading
from collections.abc import Iterator

from tests.acceptance.marked import PERSONAL, product

from onport_queue.names import Lane
from onport_worker.app import RelayStep, app
from onport_worker.steps import Step

__all__ = ["app"]

_first = threading.Semaphore(1)


def products() -> Iterator[dict[str, object]]:
    """Yield one that is sound and one that is refused."""
    yield product("scheduled")
    yield product("S", title={PERSONAL: 1}, inventoryQuantity=f"{PERSONAL}-quantity")


def failing() -> Iterator[dict[str, object]]:
    """Fail behind the first one."""
    yield product("scheduled-too")
    raise ValueError(f"{PERSONAL} can't be read")


def _fail_alone() -> None:
    logging.getLogger("a.library").debug("about %s", PERSONAL)
    raise FileNotFoundError(2, "no such file", PERSONAL)


@app.task(name="tests.fail")
def fail() -> None:
    """Fail in Celery's hands."""
    raise LookupError(f"{PERSONAL} is not there")


def _fail_once(step: Step) -> None:
    if step is Step.SETTLED and _first.acquire(blocking=False):
        threading.Thread(target=_fail_alone).start()
        fail.apply_async(queue=Lane.LOW.value)
        raise ArithmeticError(f"{PERSONAL} can't be divided")


RelayStep.steps = staticmethod(_fail_once)
