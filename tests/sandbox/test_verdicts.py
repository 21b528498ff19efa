import json
from dataclasses import replace

import pytest

from onport_sandbox import ENDPOINTS, Fault, Kind, Outage, SandboxSettings
from onport_sandbox.contents import read_contents
from onport_sandbox.verdicts import (
    ACCEPTED,
    Ending,
    InboundRequest,
    Verdict,
    at_the_door,
    channel_of,
    during_outage,
    on_contents,
    over_the_limit,
    with_fault,
)

ENDPOINT = {endpoint.kind: endpoint for endpoint in ENDPOINTS}
DEFAULTS = SandboxSettings()


def request(kind: Kind = Kind.SALE, body: bytes | None = b"{}") -> InboundRequest:
    endpoint = ENDPOINT[kind]
    return InboundRequest(
        endpoint=endpoint,
        method=endpoint.method,
        content_type=b"application/json",
        body=body,
        started=0.0,
    )


def judged(settings: SandboxSettings, asked: InboundRequest) -> Verdict:
    return on_contents(settings, asked, read_contents(asked.endpoint, asked.body))


@pytest.mark.parametrize(
    ("given", "channel"),
    [(b"one", "a"), (b"two", "b"), (b"on", None), (b"", None), (None, None), (b"\xff", None)],
)
def test_a_hash_stands_for_its_channel(given: bytes | None, channel: str | None) -> None:
    assert channel_of(SandboxSettings(hashes={"a": "one", "b": "two"}), given) == channel


@pytest.mark.parametrize(
    ("outage", "status", "ending"),
    [
        (Outage.STATUS, 502, Ending.ANSWERED),
        (Outage.REFUSED, None, Ending.RESET),
        (Outage.HUNG, None, Ending.HELD),
    ],
)
def test_an_outage_has_one_end_for_all(outage: Outage, status: int | None, ending: Ending) -> None:
    verdict = during_outage(SandboxSettings(outage=outage, outage_status=502))
    assert verdict is not None
    assert (verdict.status, verdict.ending) == (status, ending)
    assert (verdict.fault, verdict.applied) == (Fault.OUTAGE, False)


def test_no_outage_is_no_verdict() -> None:
    assert during_outage(DEFAULTS) is None


@pytest.mark.parametrize("kind", Kind)
def test_the_wrong_method_is_refused_with_the_right_one(kind: Kind) -> None:
    verdict = at_the_door(DEFAULTS, replace(request(kind), method="GET"), "1")
    assert verdict is not None
    assert verdict.status == 405
    assert verdict.header == (b"allow", ENDPOINT[kind].method.encode())


@pytest.mark.parametrize(("channel", "status"), [("1", None), (None, 403)])
def test_no_channel_no_entry(channel: str | None, status: int | None) -> None:
    verdict = at_the_door(SandboxSettings(hash_status=403), request(), channel)
    assert (verdict.status if verdict else None) == status


@pytest.mark.parametrize(
    ("form", "wait_seconds", "header"),
    [
        ("seconds", 0.05, (b"retry-after", b"1")),
        ("seconds", 2.1, (b"retry-after", b"3")),
        ("date", 0.05, (b"retry-after", b"Tue, 14 Nov 2023 22:13:21 GMT")),
        ("absent", 0.05, None),
        ("-5", 0.05, (b"retry-after", b"-5")),
    ],
)
def test_a_throttled_request_is_told_when_to_come_back(
    form: str, wait_seconds: float, header: tuple[bytes, bytes] | None
) -> None:
    settings = SandboxSettings(retry_after=form)
    verdict = over_the_limit(settings, wait_seconds=wait_seconds, wall=1_700_000_000.0)
    assert (verdict.status, verdict.fault, verdict.header) == (429, Fault.THROTTLED, header)


@pytest.mark.parametrize(
    ("settings", "asked", "status"),
    [
        (DEFAULTS, request(body=b'{"externalId":"1"}'), 200),
        (DEFAULTS, request(body=None), 413),
        (DEFAULTS, request(body=b"nothing"), 400),
        (DEFAULTS, request(body=b"[]"), 422),
        (DEFAULTS, request(Kind.PRODUCT, b"{}"), 422),
        (DEFAULTS, request(Kind.PRODUCT, b"[]"), 200),
        (DEFAULTS, request(Kind.PRODUCT, json.dumps([{}] * 50).encode()), 200),
        (DEFAULTS, request(Kind.PRODUCT, json.dumps([{}] * 51).encode()), 422),
        (DEFAULTS, request(Kind.ACKNOWLEDGE, json.dumps([{}] * 51).encode()), 422),
        (DEFAULTS, request(Kind.DISCONNECT, json.dumps([{}] * 51).encode()), 422),
        (SandboxSettings(max_items=1), request(Kind.PRODUCT, b"[{},{}]"), 422),
        (
            SandboxSettings(max_items=1, max_items_status=413),
            request(Kind.PRODUCT, b"[{},{}]"),
            413,
        ),
        (
            SandboxSettings(poison=frozenset({"bad"})),
            request(Kind.DISCONNECT, b'[{"sku":"good"},{"sku":"bad"}]'),
            422,
        ),
        (
            SandboxSettings(poison=frozenset({"1"}), poison_status=409),
            request(body=b'{"externalId":1}'),
            409,
        ),
        (
            SandboxSettings(poison=frozenset({"bad"})),
            request(Kind.DISCONNECT, b'[{"sku":"good"}]'),
            200,
        ),
    ],
)
def test_contents_get_their_status(
    settings: SandboxSettings, asked: InboundRequest, status: int
) -> None:
    verdict = judged(settings, asked)
    assert (verdict.status, verdict.applied) == (status, status == 200)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (b"application/json", 200),
        (b"Application/JSON; charset=utf-8", 200),
        (b"text/plain", 415),
        (b"", 415),
    ],
)
def test_only_json_is_taken(content_type: bytes, status: int) -> None:
    assert judged(DEFAULTS, replace(request(), content_type=content_type)).status == status


@pytest.mark.parametrize(
    ("fault", "reset_applied", "status", "applied", "ending"),
    [
        (None, False, 200, True, Ending.ANSWERED),
        (Fault.ERROR, False, 503, False, Ending.ANSWERED),
        (Fault.TIMEOUT, False, None, True, Ending.HELD),
        (Fault.RESET, False, None, False, Ending.RESET),
        (Fault.RESET, True, None, True, Ending.RESET),
    ],
)
def test_a_fault_spoils_an_accepted_request(
    fault: Fault | None,
    reset_applied: bool,
    status: int | None,
    applied: bool,
    ending: Ending,
) -> None:
    verdict = with_fault(SandboxSettings(reset_applied=reset_applied), fault, ACCEPTED)
    assert (verdict.status, verdict.applied, verdict.ending) == (status, applied, ending)
    assert verdict.fault is fault


@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.RESET])
def test_a_fault_never_applies_what_would_have_been_refused(fault: Fault) -> None:
    refused = Verdict(status=422)
    assert not with_fault(SandboxSettings(reset_applied=True), fault, refused).applied
