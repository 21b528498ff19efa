"""A file, or the standard input, opened for reading; unpacked if it is gzip."""

import errno
import gzip
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from onport_producers.imports.errors import UnreadableError

STANDARD_INPUT = "-"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file: its name for people, its bytes, its size if it has one.

    `position` says how much of the size has been read; of a packed file, packed bytes.
    """

    name: str
    stream: BinaryIO
    size: int | None = None
    position: Callable[[], int] = lambda: 0


@contextmanager
def open_source(path: str) -> Iterator[Source]:
    """Open a file, or the standard input for ``-``.

    Raises:
        UnreadableError: naming the file and what is wrong with it.
    """
    if path == STANDARD_INPUT:
        yield Source("standard input", _unpacked(sys.stdin.buffer))
        return
    with _opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        yield Source(path, _unpacked(stream), size or None, stream.tell)


def _unpacked(stream: BinaryIO) -> BinaryIO:
    if _begin(stream) != _GZIP:
        return stream
    return cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))


def _begin(stream: BinaryIO) -> bytes:
    if isinstance(stream, io.BufferedReader):
        return stream.peek(len(_GZIP))[: len(_GZIP)]
    begin = stream.read(len(_GZIP))
    stream.seek(0)
    return begin


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
