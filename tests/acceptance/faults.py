"""How a test starts a worker that fails where it is told to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onport_queue.names import Lane
from onport_worker.fleet import WorkerPlan

_ROOT = Path(__file__).parents[2]
FAULTY = (WorkerPlan("faulty", tuple(Lane), 4, app="tests.acceptance.faulty_worker"),)
SOUND = (WorkerPlan("sound", tuple(Lane), 4),)


@contextmanager
def fault(what: str) -> Iterator[None]:
    """Workers of the plan FAULTY that are started meanwhile have this fault (faulty_worker.py)."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RELAY_TEST_FAULT", what)  # as faulty_worker.py names it
        patched.setenv(
            "PYTHONPATH", os.pathsep.join((str(_ROOT), os.environ.get("PYTHONPATH", "")))
        )
        yield
