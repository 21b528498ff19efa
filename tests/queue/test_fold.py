import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from onport_queue.fold import KEPT_APART, Fragment, compaction, dump, folded, overlay


def partial(value: JsonValue, version: int = 0) -> Fragment:
    return Fragment("P", "", dump(value), version)


def full(value: JsonValue, version: int = 0) -> Fragment:
    return Fragment("F", "", dump(value), version)


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        pytest.param({"a": 1}, {"b": 2}, {"a": 1, "b": 2}, id="a new field is added"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="a field is replaced"),
        pytest.param({"a": 1}, {"a": None}, {"a": None}, id="null is a value"),
        pytest.param({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}, id="objects merge"),
        pytest.param({"a": {"x": 1}}, {"a": 5}, {"a": 5}, id="an object is replaced by a number"),
        pytest.param({"a": 5}, {"a": {"x": 1}}, {"a": {"x": 1}}, id="a number by an object"),
        pytest.param({"a": [1, 2]}, {"a": [3]}, {"a": [3]}, id="a plain array is replaced"),
        pytest.param(
            {"a": [{"externalId": "1", "q": 1}, {"externalId": "2"}]},
            {"a": [{"externalId": "1", "q": 3}]},
            {"a": [{"externalId": "1", "q": 3}, {"externalId": "2"}]},
            id="an array of identified objects merges by externalId",
        ),
        pytest.param(
            {"a": [{"externalId": "1"}]},
            {"a": [{"externalId": "2"}]},
            {"a": [{"externalId": "1"}, {"externalId": "2"}]},
            id="an unknown entry is appended",
        ),
        pytest.param(
            {"a": [{"externalId": 1, "q": 1}]},
            {"a": [{"externalId": "1", "q": 2}]},
            {"a": [{"externalId": "1", "q": 2}]},
            id="a number and its text are one externalId",
        ),
        pytest.param(
            {"a": [{"externalId": "1"}]},
            {"a": [{"name": "x"}]},
            {"a": [{"name": "x"}]},
            id="an array with an unidentified object is replaced",
        ),
        pytest.param(
            {"a": [{"externalId": "1"}]}, {"a": []}, {"a": []}, id="an empty array empties"
        ),
        pytest.param(
            {"a": [{"externalId": "1", "n": "x"}, {"externalId": "1", "n": "y"}]},
            {"a": [{"externalId": "2"}]},
            {
                "a": [
                    {"externalId": "1", "n": "x"},
                    {"externalId": "1", "n": "y"},
                    {"externalId": "2"},
                ]
            },
            id="entries that share an externalId are all kept",
        ),
    ],
)
def test_a_partial_payload_is_laid_over(
    base: JsonValue, patch: JsonValue, expected: JsonValue
) -> None:
    before = dump(base)
    assert overlay(base, patch) == expected
    assert dump(base) == before


def test_a_single_fragment_comes_back_byte_for_byte() -> None:
    body = b'{ "externalId" : 1.10,\n "a":1, "a":2 }'
    assert folded([Fragment("F", "", body)]) == body


def test_fragments_fold_in_their_order() -> None:
    fragments = [full({"a": 1, "b": 1}), partial({"b": 2, "c": 2}), partial({"c": 3})]
    assert json.loads(folded(fragments)) == {"a": 1, "b": 2, "c": 3}


def test_text_cut_within_an_emoji_folds() -> None:
    cut = Fragment("F", "", b'{"name":"\\ud83d"}')
    assert json.loads(folded([cut, partial({"a": "\u00e9"})])) == {"name": "\ud83d", "a": "\u00e9"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": object()}])
def test_what_json_does_not_have_is_not_dumped(value: JsonValue) -> None:
    with pytest.raises((TypeError, ValueError)):
        dump(value)


def test_compaction_leaves_the_base_and_the_newest_apart() -> None:
    fragments = [full({"a": 0}), *(partial({f"k{n}": n}, n) for n in range(1, 17))]
    run = compaction(fragments)
    assert run is not None
    assert (run.first, run.many) == (1, 16 - KEPT_APART)
    assert json.loads(run.body) == {f"k{n}": n for n in range(1, 9)}


@pytest.mark.parametrize("many", range(KEPT_APART + 2))
def test_a_job_that_is_not_overgrown_is_left_alone(many: int) -> None:
    assert compaction([full({}), *(partial({"a": n}) for n in range(many))]) is None


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param({"a": 5}, {"a": {"x": 1}}, id="an object over a number"),
        pytest.param({"a": [1]}, {"a": [{"externalId": 1}]}, id="identified over plain"),
        pytest.param({"a": []}, {"a": [{"externalId": 1}]}, id="identified over empty"),
        pytest.param(
            {"a": [{"externalId": 1}, {"externalId": 1}]},
            {"a": [{"externalId": 2}]},
            id="entries that share an id",
        ),
    ],
)
def test_what_depends_on_the_base_is_not_compacted(older: JsonValue, newer: JsonValue) -> None:
    rest = [partial({}) for _ in range(KEPT_APART)]
    assert compaction([partial(older), partial(newer), *rest]) is None


scalars: st.SearchStrategy[JsonValue] = st.none() | st.integers(0, 3) | st.sampled_from(["", "x"])
field_names = st.sampled_from(["a", "b", "externalId"])


def containers(inner: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    def identify(fields: dict[str, JsonValue], identity: JsonValue) -> JsonValue:
        return {**fields, "externalId": identity}

    identified = st.builds(
        identify,
        st.dictionaries(field_names, inner, max_size=2),
        st.sampled_from([1, "1", 2]),
    )
    objects: st.SearchStrategy[JsonValue] = st.dictionaries(field_names, inner, max_size=3)
    arrays: st.SearchStrategy[JsonValue] = st.lists(identified, max_size=3) | st.lists(
        inner, max_size=2
    )
    return objects | arrays


payloads = st.dictionaries(field_names, st.recursive(scalars, containers, max_leaves=6), max_size=3)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(
    base=st.none() | payloads,
    older=st.lists(payloads, min_size=2, max_size=4),
    newest=payloads,
)
def test_folding_with_compaction_is_folding_without(
    base: JsonValue, older: Sequence[JsonValue], newest: JsonValue
) -> None:
    fragments = [] if base is None else [full(base)]
    fragments += [partial(value) for value in [*older, *[newest] * KEPT_APART]]
    run = compaction(fragments)
    if run is not None:
        compacted = list(fragments)
        compacted[run.first : run.first + run.many] = [Fragment("P", "", run.body)]
        assert folded(compacted) == folded(fragments)
