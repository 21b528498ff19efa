"""From a body to the jobs that it carries, each byte of them as it was sent."""

import io
from collections.abc import Callable, Iterator
from typing import TypeVar

from onport_producers.imports import Rejected, UnreadableError
from onport_producers.imports.json_window import read_array
from onport_producers.imports.pieces import pieces_of
from onport_queue.errors import InvalidJobError
from onport_queue.jobs import Job, LinkJob, Payload

MAX_ITEMS = 100_000
_BLANKS = b"\xef\xbb\xbf \t\r\n"

_AnyJob = TypeVar("_AnyJob", Job, LinkJob)
Prepare = Callable[[Payload], _AnyJob]
"""From a payload to its job. Raises InvalidJobError."""


def one_of(prepare: Prepare[_AnyJob], body: Payload) -> _AnyJob:
    """Return the job of a body that is one object. Raises InvalidJobError."""
    try:
        return prepare(body)
    except RecursionError:
        raise InvalidJobError("", "not readable: nested too deeply") from None


def is_array(body: bytes) -> bool:
    """Return whether a body begins as an array does."""
    return body.lstrip(_BLANKS)[:1] == b"["


def items_of(prepare: Prepare[_AnyJob], body: bytes) -> list[_AnyJob]:
    """Return the jobs of an array.

    Raises:
        InvalidJobError: its place begins with the item's, from 0.
    """
    jobs: list[_AnyJob] = []
    for payload in _elements(body):
        if len(jobs) == MAX_ITEMS:
            raise InvalidJobError("", f"more than {MAX_ITEMS:,} items: send them in parts")
        try:
            jobs.append(one_of(prepare, payload))
        except InvalidJobError as error:
            place = ".".join(filter(None, (str(len(jobs)), error.place)))
            raise InvalidJobError(place, error.problem) from None
    return jobs


def _elements(body: bytes) -> Iterator[Payload]:
    read = 0
    try:
        for item in read_array(pieces_of(io.BytesIO(body))):
            if isinstance(item, Rejected):
                raise item.fault
            yield item.payload
            read += 1
    except UnreadableError as error:
        place = f"{read}.{error.field}" if error.field else ""
        at = f"line {error.line}: " if error.line else ""
        raise InvalidJobError(place, f"{at}{error.problem}") from None
