from dataclasses import replace

import pytest

from onport_sandbox import Outage, SandboxSettings, SettingsError
from onport_sandbox.changes import SETTING_NAMES, changed_settings, settings_document
from onport_sandbox.documents import Json

OTHER = SandboxSettings(
    hashes={"one": "first", "two": "second"},
    hash_status=403,
    max_items=7,
    max_items_status=400,
    max_body_bytes=1000,
    poison=frozenset({"a", "b"}),
    poison_status=409,
    rate=12.5,
    burst=3,
    retry_after="absent",
    latency_ms=1.5,
    jitter_ms=2.5,
    error=0.1,
    error_status=502,
    timeout=0.2,
    reset=0.3,
    reset_applied=True,
    hold_seconds=5,
    outage=Outage.HUNG,
    outage_status=500,
    seed=9,
)


def test_settings_survive_the_way_through_json() -> None:
    document: Json = settings_document(OTHER, reveal_hashes=True)
    assert changed_settings(SandboxSettings(), document) == OTHER


def test_a_document_has_every_setting() -> None:
    assert tuple(settings_document(OTHER, reveal_hashes=False)) == SETTING_NAMES


def test_a_document_masks_the_hashes() -> None:
    document = settings_document(OTHER, reveal_hashes=False)
    assert document["hashes"] == {"one": "********", "two": "********"}


def test_masked_hashes_are_not_taken_back() -> None:
    with pytest.raises(SettingsError, match="hashes: got an unusable hash for channel 'one'"):
        changed_settings(OTHER, settings_document(OTHER, reveal_hashes=False))


def test_what_is_not_named_stays() -> None:
    changed = changed_settings(OTHER, {"rate": None})
    assert changed == replace(OTHER, rate=None)


def test_faults_are_spread_evenly_over_the_three_kinds() -> None:
    changed = changed_settings(OTHER, {"faults": 0.3})
    assert (changed.error, changed.timeout, changed.reset) == pytest.approx((0.1, 0.1, 0.1))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"speed": 1}, "speed: got an unknown setting, expected one of hashes, "),
        ({"rate": "10"}, "rate: got '10', expected a number or null"),
        ({"max_items": 1.5}, "max_items: got 1.5, expected an integer"),
        ({"max_items": True}, "max_items: got True, expected an integer"),
        ({"latency_ms": None}, "latency_ms: got None, expected a number"),
        ({"reset_applied": 1}, "reset_applied: got 1, expected true or false"),
        ({"retry_after": 3}, "retry_after: got 3, expected a string"),
        ({"outage": "on"}, "outage: got 'on', expected one of off, status, refused, hung"),
        ({"poison": "a"}, "poison: got 'a', expected an array of strings"),
        ({"poison": [1]}, "poison: got [1], expected an array of strings"),
        ({"hashes": ["s3cret"]}, "hashes: got list, expected an object of channel names"),
        ({"hashes": {"a": 1}}, "hashes: got dict, expected an object of channel names"),
        ({"faults": 2}, "faults: got 2, expected a share from 0 to 1"),
        ({"faults": 0.3, "error": 0.1}, "error: got both it and faults, expected one of the two"),
        ({"rate": -1}, "rate: got -1, expected a number of requests per second"),
        ([], "settings: got list, expected a JSON object"),
    ],
)
def test_a_change_that_cannot_be_read_is_named(document: Json, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        changed_settings(SandboxSettings(), document)
    assert str(caught.value).startswith(message)


def test_ill_typed_and_out_of_range_fields_are_told_together() -> None:
    with pytest.raises(SettingsError) as caught:
        changed_settings(SandboxSettings(), {"rate": "x", "max_items": 0, "speed": 1})
    assert {problem.field for problem in caught.value.problems} == {"rate", "max_items", "speed"}
