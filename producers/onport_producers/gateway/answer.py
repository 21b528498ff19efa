"""What the gateway answers."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from onport_producers.receipt import Receipt, State
from onport_queue.errors import InvalidJobError
from onport_queue.names import Lane

Header = tuple[bytes, bytes]

JSON = b"application/json"
_RETRY_AFTER_S = 5
# Made once: json.dumps would make an encoder for every answer.
_dumped = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Answer(NamedTuple):
    """One answer."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    content_type: bytes = JSON


def accepted(receipt: Receipt) -> Answer:
    """Return the answer to what became one job."""
    return Answer(200, _encoded(_document(receipt)))


def all_accepted(receipts: Sequence[Receipt]) -> Answer:
    """Return the answer to an array: one receipt for each of its items, in order."""
    return Answer(200, _encoded(f"[{','.join(map(_document, receipts))}]"))


def invalid(error: InvalidJobError) -> Answer:
    """Return the answer to what can't be keyed or is of another type than documented."""
    return refused(422, str(error), field=error.place or None)


def refused(
    status: int, error: str, *, field: str | None = None, headers: tuple[Header, ...] = ()
) -> Answer:
    """Return an answer that says what is wrong, and in which field if in one."""
    return Answer(status, _bytes({"error": error, "field": field}), headers)


def wrong_method(allowed: str) -> Answer:
    """Return the answer to a method that the path has not."""
    return refused(405, f"method: expected {allowed}", headers=((b"allow", allowed.encode()),))


def unavailable() -> Answer:
    """Return the answer when neither Redis nor the spool takes anything."""
    return refused(
        503,
        "neither the broker nor the spool takes anything now; whether this was taken is unknown, "
        "and sending it again is safe",
        headers=((b"retry-after", b"%d" % _RETRY_AFTER_S),),
    )


def document(value: object) -> Answer:
    """Return an answer that is a JSON document."""
    return Answer(200, _bytes(value))


def _document(receipt: Receipt) -> str:
    rest = _rest(receipt.state, receipt.lane, receipt.expected_at, receipt.warnings)
    return f'{{"id":{_dumped(receipt.id)},{rest}'


# All sales of a put have the same one, unless something is odd about them.
@lru_cache(maxsize=64)
def _rest(state: State, lane: Lane, at: datetime | None, warnings: tuple[str, ...]) -> str:
    expected_at = None if at is None else at.isoformat(timespec="milliseconds")
    rest = {"state": state, "lane": lane, "expected_at": expected_at, "warnings": warnings}
    return _dumped(rest)[1:]


def _bytes(value: object) -> bytes:
    return _encoded(_dumped(value))


def _encoded(text: str) -> bytes:
    # A field's name that a client chose may hold half a surrogate pair.
    return text.encode("utf-8", "replace")
