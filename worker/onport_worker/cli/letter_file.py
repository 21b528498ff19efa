"""The file that dead letters are exported to: whole or not there, and nobody else's to read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer

from onport_worker.cli.exits import UsageError

STANDARD_OUTPUT = "-"


@contextmanager
def opened_letter_file(name: str) -> Iterator[TextIO]:
    """Open a new file, which gets its name when all is written and on the disk.

    Raises:
        UsageError: it exists, or can't be written.
    """
    if name == STANDARD_OUTPUT:
        yield typer.get_text_stream("stdout")
        return
    path = Path(name)
    try:
        if path.exists():
            raise UsageError(f"{name}: exists already, expected a new file")
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
                yield opened
                opened.flush()
                os.fsync(descriptor)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{name}: can't be written: {error.strerror}") from error
