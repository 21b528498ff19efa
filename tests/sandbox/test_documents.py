from hashlib import sha256

import pytest

from onport_sandbox import canonical_digest
from onport_sandbox.documents import parse_document


def test_a_digest_is_the_start_of_the_hash_of_the_canonical_text() -> None:
    expected = sha256('{"a":[1,2.5,null,true],"b":"é"}'.encode()).hexdigest()[:16]
    assert canonical_digest({"b": "é", "a": [1, 2.5, None, True]}) == expected


def test_spelling_does_not_change_a_digest() -> None:
    spelled = parse_document(b' { "b" : 1.10 , "a" : "\\u00e9" } ')
    assert canonical_digest(spelled) == canonical_digest({"a": "é", "b": 1.1})


@pytest.mark.parametrize(("one", "other"), [(1, "1"), (1, 1.0), ([1, 2], [2, 1]), ({}, None)])
def test_different_values_have_different_digests(one: object, other: object) -> None:
    assert canonical_digest(one) != canonical_digest(other)


def test_a_lone_surrogate_has_a_digest() -> None:
    assert len(canonical_digest(parse_document(b'"\\ud800"'))) == 16


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"{}{}", b"[" * 200_000, '"é"'.encode("latin-1")],
    ids=["empty", "cut", "nan", "infinity", "binary", "two", "deep", "latin"],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (json's own wording)
        parse_document(body)
