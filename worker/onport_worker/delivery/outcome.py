"""What may come of a request: a closed union."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer: status, printable beginning, headers Retry-After and Date if it had them.

    Also one that broke off behind its head.
    """

    status: int
    text: str = ""
    retry_after: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """No connection could be opened: no request was made."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The request went out, or may have, and no answer came: Onport may have it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unsendable:
    """No request could be made of what was claimed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """It was not sent, since its lease might run out: somebody else may be about to send it."""


Outcome: TypeAlias = Answered | NotSent | Ambiguous | Unsendable
