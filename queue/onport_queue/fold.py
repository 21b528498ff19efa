"""Folding payloads: what several puts of one key mean together. Pure functions over JSON values.

A full payload replaces what came before it. A partial one is laid over it: objects key by key,
arrays of objects that all carry `externalId` merge by it, anything else is replaced.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pydantic import JsonValue

KEPT_APART = 8
"""The newest fragments that compaction leaves alone: one that arrives late finds its place."""


# Made once: json.dumps would make an encoder for every call, half the cost of a small payload.
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_ESCAPED = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


class Mode(StrEnum):
    """How a payload relates to what its key already holds."""

    FULL = "full"
    PARTIAL = "partial"


class Fragment(NamedTuple):
    """One put's share of a job. `tag` is F(ull), P(artial), A(cknowledge) or D(isconnect)."""

    tag: str
    link: str
    body: bytes
    version: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring partial fragments, from position `first`, and the one body they fold into."""

    first: int
    many: int
    digest: str
    body: bytes


class _NotAssociativeError(Exception):
    """Two partial payloads that may not be folded before their base is known."""


def overlay(base: JsonValue, patch: JsonValue) -> JsonValue:
    """Return the base with the patch laid over it; neither is changed."""
    return _overlay(base, patch, baseless=False)


def folded(fragments: Sequence[Fragment]) -> bytes:
    """Return the body that the fragments of a sale or a product mean together.

    A single fragment comes back byte for byte.
    """
    if len(fragments) == 1:
        return fragments[0].body
    value: JsonValue = json.loads(fragments[0].body)
    for fragment in fragments[1:]:
        value = overlay(value, json.loads(fragment.body))
    return dump(value)


def compaction(fragments: Sequence[Fragment]) -> Run | None:
    """Choose the older partial fragments of an overgrown job to fold into one; None if not sound.

    The full payload at the base stays apart, and the folded one takes the newest version of the
    run: a fragment that arrives later with an older version is laid under it.
    """
    first = 1 if fragments[0].tag == "F" else 0
    chosen = fragments[first : max(first, len(fragments) - KEPT_APART)]
    if len(chosen) < 2:
        return None
    value: JsonValue = json.loads(chosen[0].body)
    try:
        for fragment in chosen[1:]:
            value = _overlay(value, json.loads(fragment.body), baseless=True)
    except _NotAssociativeError:
        return None
    digest = hashlib.sha1(b"".join(fragment.body for fragment in chosen), usedforsecurity=False)
    return Run(first, len(chosen), digest.hexdigest(), dump(value))


def dump(value: JsonValue) -> bytes:
    """Return compact JSON. Raises TypeError or ValueError for what JSON does not have."""
    try:
        return _COMPACT.encode(value).encode()
    except UnicodeEncodeError:  # half a surrogate pair, as in a name cut within an emoji
        return _ESCAPED.encode(value).encode()


def _overlay(base: JsonValue, patch: JsonValue, *, baseless: bool) -> JsonValue:
    if isinstance(base, dict) and isinstance(patch, dict):
        merged = dict(base)
        for key, value in patch.items():
            merged[key] = _overlay(base[key], value, baseless=baseless) if key in base else value
        return merged
    if (
        isinstance(base, list)
        and isinstance(patch, list)
        and _carries_ids(base)
        and _carries_ids(patch)
    ):
        return _merged_by_id(base, patch, baseless=baseless)
    # A container that replaces something else would be merged into the base's container instead,
    # once `base` itself has been folded away: a ⊕ (b ⊕ c) is not (a ⊕ b) ⊕ c here.
    if baseless and (isinstance(patch, dict) or _carries_ids(patch)):
        raise _NotAssociativeError
    return patch


def _merged_by_id(
    base: list[JsonValue], patch: list[JsonValue], *, baseless: bool
) -> list[JsonValue]:
    merged = list(base)
    places = {_identity(entry): place for place, entry in enumerate(base)}
    # Entries that share an id are kept, and a patch goes to the last of them; which one that is
    # may change once neighbours were folded.
    if baseless and (len(places) < len(base) or len(set(map(_identity, patch))) < len(patch)):
        raise _NotAssociativeError
    for entry in patch:
        identity = _identity(entry)
        if identity in places:
            place = places[identity]
            merged[place] = _overlay(merged[place], entry, baseless=baseless)
        else:
            places[identity] = len(merged)
            merged.append(entry)
    return merged


def _carries_ids(value: JsonValue) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(entry, dict) and isinstance(entry.get("externalId"), str | int)
            for entry in value
        )
    )


def _identity(entry: JsonValue) -> str:
    return str(entry["externalId"]) if isinstance(entry, dict) else ""
