"""A producer's own log, outside the system: what it attempted, and what it was told.

JSON lines, each on the disk before the producer goes on; a torn last line is what a kill leaves.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Told(StrEnum):
    """What a producer was told of a put."""

    ACKNOWLEDGED = "acknowledged"
    SPOOLED = "spooled"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def is_certain(self) -> bool:
        """Whether the relay has promised to deliver it."""
        return self in (Told.ACKNOWLEDGED, Told.SPOOLED)


@dataclass(frozen=True, slots=True)
class Put:
    """One put of one job, as it was meant.

    Attributes:
        family: sale, product or variant.
        key: as the endpoint names it.
        tag: F(ull), P(artial), A(cknowledge) or D(isconnect).
        version: its place among the puts of its key.
        body: the payload; of a link, the item that carries it.
    """

    family: str
    key: str
    tag: str
    version: int
    body: dict[str, Any]


class History:
    """Writes a log; one for each producer process."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._next = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def attempt(self, puts: Iterable[Put]) -> tuple[int, ...]:
        """Note puts that are about to be made; return what they are called from now on."""
        numbers = []
        for put in puts:
            self._write({"id": self._next, **asdict(put)})
            numbers.append(self._next)
            self._next += 1
        self._sync()
        return tuple(numbers)

    def note(self, numbers: Iterable[int], told: Told) -> None:
        """Note what was told of them."""
        for number in numbers:
            self._write({"told": told, "of": number})
        self._sync()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


def read_history(path: Path) -> list[tuple[Put, Told]]:
    """Return what a log holds; what it says nothing more of is unknown."""
    puts: dict[int, Put] = {}
    told: dict[int, Told] = {}
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            continue
        entry = json.loads(line)
        if "told" in entry:
            told[entry["of"]] = Told(entry["told"])
        else:
            number = entry.pop("id")
            puts[number] = Put(**entry)
    return [(put, told.get(number, Told.UNKNOWN)) for number, put in puts.items()]
