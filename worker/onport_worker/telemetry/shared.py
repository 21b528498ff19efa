"""Where the processes of one host add up what they count."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""As prometheus-client calls it; it must be set before that is imported."""


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Have a folder for it while the context lasts: the one that is given, else one of our own."""
    if given := os.environ.get(FOLDER_VARIABLE):
        yield Path(given)
        return
    with TemporaryDirectory(prefix="onport-relay-metrics-") as folder:
        yield Path(folder)
