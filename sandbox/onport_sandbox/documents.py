"""JSON as the inbound API takes it: parsed strictly, digested canonically."""

import json
from hashlib import sha256
from typing import NoReturn, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

DIGEST_LENGTH = 16

# Built once: with options, json.dumps builds a new encoder for every item.
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def parse_document(body: bytes) -> Json:
    """Return the value of a JSON text in UTF-8.

    Raises:
        ValueError: The body is no JSON. `NaN` and `Infinity`, which Python would take, are none.
    """
    try:
        document: Json = json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return document


def canonical_digest(value: object) -> str:
    """Return 16 hex characters that are equal for equal JSON values, whatever their spelling.

    They are the first of the SHA-256 of the value's canonical text: keys sorted, no spaces,
    characters unescaped, UTF-8.
    """
    # A lone surrogate is legal in JSON ("\\ud800") and must not turn a request into a crash.
    text = _CANONICAL.encode(value).encode("utf-8", "surrogatepass")
    return sha256(text).hexdigest()[:DIGEST_LENGTH]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
