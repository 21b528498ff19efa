"""What can be wrong with a file, and where."""

from dataclasses import dataclass

from onport_queue.errors import RelayError


@dataclass
class UnreadableError(RelayError):
    """A file, or a place in it, that can't be read as items.

    Attributes:
        problem: what it is and what was expected. Never a whole item: it may be personal data.
        line: counted from 1; None if it is about the file as a whole.
        field: the field or column; empty if it is about the line as a whole.
        source: the file's name.
    """

    problem: str
    line: int | None = None
    field: str = ""
    source: str = ""

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source} line {self.line}".lstrip()
        return ": ".join(part for part in (place, self.field, self.problem) if part)
