"""Functions that the acceptance tests' schedules run; their folder is in the environment."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

FOLDER = "FEEDS_FOLDER"
MANY = 1_500


def noted() -> Iterator[dict[str, str]]:
    """Note each call in a file, and yield one item."""
    with (Path(os.environ[FOLDER]) / "calls").open("a") as calls:
        calls.write(f"{os.getpid()}\n")
    yield {"sku": "S"}


def slowly_once() -> Iterator[dict[str, str]]:
    """Yield many items within some five seconds, in the first call only."""
    began, never = Path(os.environ[FOLDER]) / "began", threading.Event()
    try:
        began.touch(exist_ok=False)
    except FileExistsError:
        return
    for number in range(MANY):
        if number % 3 == 0:
            never.wait(0.01)
        yield {"sku": f"S{number}"}
