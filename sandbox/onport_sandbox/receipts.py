"""Receipts: one JSON line for every request that an inbound endpoint received.

They name what was delivered, by key and digest, and never hold a payload or a hash.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from onport_sandbox.contents import Item
from onport_sandbox.documents import Json, parse_document
from onport_sandbox.endpoints import Kind
from onport_sandbox.errors import UnreadableError
from onport_sandbox.faults import Fault
from onport_sandbox.fields import Fields

_COMPACT = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one request.

    Attributes:
        at: Unix time when the request had arrived whole.
        started: Unix time when its headers had arrived.
        method: The method it used.
        path: The path it used.
        kind: What the endpoint takes.
        channel: The channel that its hash stands for; None for a wrong hash.
        status: The status it was given; None when it got no answer.
        applied: Whether its items count as delivered.
        fault: What went wrong on purpose, if anything.
        items: What it carried, in order; empty when the body could not be read.
    """

    at: float
    started: float
    method: str
    path: str
    kind: Kind
    channel: str | None
    status: int | None
    applied: bool
    fault: Fault | None
    items: tuple[Item, ...]

    def to_line(self) -> bytes:
        """Return the receipt as one line of JSON in ASCII, its line feed included."""
        document = {
            "at": self.at,
            "started": self.started,
            "method": self.method,
            "path": self.path,
            "kind": self.kind,
            "channel": self.channel,
            "status": self.status,
            "applied": self.applied,
            "fault": self.fault,
            "items": [{"key": item.key, "digest": item.digest} for item in self.items],
        }
        return _COMPACT.encode(document).encode("ascii") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Return the receipt that `line` holds.

        Raises:
            UnreadableError: The line is no receipt.
        """
        try:
            return cls._from_document(parse_document(line))
        except ValueError as error:
            raise UnreadableError(f"receipt: got {line[:200]!r}, expected one: {error}") from error

    @classmethod
    def _from_document(cls, document: Json) -> Self:
        fields = Fields(document)
        fault = fields.text_or_none("fault")
        return cls(
            at=fields.number("at"),
            started=fields.number("started"),
            method=fields.text("method"),
            path=fields.text("path"),
            kind=Kind(fields.text("kind")),
            channel=fields.text_or_none("channel"),
            status=fields.integer_or_none("status"),
            applied=fields.flag("applied"),
            fault=None if fault is None else Fault(fault),
            items=tuple(
                Item(item.text_or_none("key"), item.text("digest"))
                for item in fields.objects("items")
            ),
        )


class Receipts(Protocol):
    """Keeps receipts, in the order in which requests were decided."""

    def append(self, receipt: Receipt) -> None:
        """Keep `receipt`; it can be read as soon as this returns."""
        ...


class NoReceipts:
    """Keeps nothing."""

    def append(self, receipt: Receipt) -> None:
        """Forget `receipt`."""


class MemoryReceipts:
    """Keeps receipts in a list."""

    def __init__(self) -> None:
        self._receipts: list[Receipt] = []

    def append(self, receipt: Receipt) -> None:
        """Keep `receipt`; it can be read as soon as this returns."""
        self._receipts.append(receipt)

    def __iter__(self) -> Iterator[Receipt]:
        return iter(tuple(self._receipts))


class FileReceipts:
    """Appends receipts to a file, one line each, flushed one by one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab")

    def append(self, receipt: Receipt) -> None:
        """Keep `receipt`; it can be read as soon as this returns."""
        self._file.write(receipt.to_line())
        self._file.flush()

    def __iter__(self) -> Iterator[Receipt]:
        return read_receipts(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def read_receipts(path: Path) -> Iterator[Receipt]:
    """Yield the receipts of the file at `path`, oldest first; none if it does not exist yet.

    Raises:
        UnreadableError: A line is no receipt.
    """
    if not path.exists():
        return
    with path.open("rb") as lines:
        yield from map(Receipt.from_line, whole_lines(lines))


def whole_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines up to the first that is still being written.

    A reader can see half a write; and if it went on, the other half as the next line.
    """
    return takewhile(lambda line: line.endswith(b"\n"), lines)
