"""A file, or the standard input, opened for reading."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from onport_producers.imports.errors import UnreadableError

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file: its name for people, its bytes, its size if it has one."""

    name: str
    stream: BinaryIO
    size: int | None = None


@contextmanager
def open_source(path: str) -> Iterator[Source]:
    """Open a file, or the standard input for ``-``.

    Raises:
        UnreadableError: naming the file and what is wrong with it.
    """
    if path == STANDARD_INPUT:
        yield Source("standard input", sys.stdin.buffer)
        return
    with _opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        yield Source(path, stream, size or None)


def _opened(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        raise UnreadableError(_problem(error), source=path) from None


def _problem(error: OSError | ValueError) -> str:
    match getattr(error, "errno", None):
        case errno.ENOENT:
            return "no such file"
        case errno.EISDIR:
            return "a directory, expected a file"
        case _:
            return f"can't be opened: {getattr(error, 'strerror', None) or error}"
