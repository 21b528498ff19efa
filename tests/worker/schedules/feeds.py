"""Sources that behave badly, for runs in processes of their own."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

_NEVER = threading.Event()


def three() -> Iterator[dict[str, str]]:
    for number in range(3):
        yield {"sku": f"S{number}"}


def secrets_it_sees() -> Iterator[dict[str, str]]:
    for value in os.environ.values():
        if "the-secret" in value:
            yield {"sku": "seen"}


def hanging() -> Iterator[dict[str, str]]:
    yield {"sku": "S0"}
    _NEVER.wait()


def crashing() -> Iterator[dict[str, str]]:
    yield {"sku": "S0"}
    os._exit(7)


def endless() -> Iterator[dict[str, str]]:
    """Yield slowly, and say in a file that it has begun."""
    Path(os.environ["FEED_BEGAN"]).touch()
    number = 0
    while True:
        number += 1
        yield {"sku": f"S{number}"}
        _NEVER.wait(0.01)


def printing() -> Iterator[dict[str, str]]:
    print("what a shop prints is nobody's report")  # noqa: T201 - that is what it is about
    yield {"sku": "S0"}
