"""Where the processes of one host add up what they count."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from onport_queue.names import FIGURES_VARIABLE


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Have a folder for it while the context lasts: the one that is given, else one of our own."""
    if given := os.environ.get(FIGURES_VARIABLE):
        yield Path(given)
        return
    with TemporaryDirectory(prefix="onport-relay-metrics-") as folder:
        yield Path(folder)
