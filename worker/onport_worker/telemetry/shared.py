"""Where the processes of one host add up what they count."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from onport_queue.names import FIGURES_VARIABLE

# The files are mapped into memory: on a full disk a new figure would end the process by SIGBUS, and
# then of all times nobody should end.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Have a folder for it while the context lasts: the one that is given, else one of our own."""
    if given := os.environ.get(FIGURES_VARIABLE):
        yield Path(given)
        return
    place = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    with TemporaryDirectory(prefix="onport-relay-metrics-", dir=place) as folder:
        yield Path(folder)
