import json
from collections.abc import Callable

import httpx
import pytest

from onport_sandbox import (
    ENDPOINTS,
    Endpoint,
    ManualClock,
    MemoryReceipts,
    Outage,
    SandboxSettings,
    create_app,
)

Ask = Callable[..., httpx.Response]

PATHS = {
    "/webhooks/custom-channels/manual-sale.json": ("POST", {"externalId": "1001"}),
    "/webhooks/custom-channels/products.json": ("POST", [{"sku": "a"}]),
    "/webhooks/custom-channels/acknowledge-inventory-feed-variant-batches.json": (
        "PUT",
        [{"sku": "a"}],
    ),
    "/webhooks/custom-channels/disconnect-inventory-feed-variant-batches.json": (
        "PUT",
        [{"sku": "a"}],
    ),
}
SALE = "/webhooks/custom-channels/manual-sale.json"
PRODUCTS = "/webhooks/custom-channels/products.json"


def test_there_are_these_endpoints_and_no_others() -> None:
    assert {endpoint.path: endpoint.method for endpoint in ENDPOINTS} == {
        path: method for path, (method, _) in PATHS.items()
    }


@pytest.mark.parametrize(("path", "method", "body"), [(p, m, b) for p, (m, b) in PATHS.items()])
def test_an_endpoint_accepts_its_method(ask: Ask, path: str, method: str, body: object) -> None:
    answer = ask(create_app(), method, path, json=body)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_an_endpoint_refuses_every_other_method(ask: Ask, endpoint: Endpoint, method: str) -> None:
    if method == endpoint.method:
        return
    answer = ask(create_app(), method, endpoint.path)
    assert (answer.status_code, answer.headers["allow"]) == (405, endpoint.method)


@pytest.mark.parametrize(
    "path", ["/", "/webhooks/custom-channels", f"{SALE}/", "/manual-sale.json", "/_sandbox/other"]
)
def test_every_other_path_is_not_found(ask: Ask, path: str) -> None:
    assert ask(create_app(), "POST", path, json={}).status_code == 404


def test_a_query_does_not_change_the_endpoint(ask: Ask) -> None:
    assert ask(create_app(), "POST", f"{SALE}?trace=1", json={}).status_code == 200


@pytest.mark.parametrize(
    ("settings", "given", "status", "channel"),
    [
        (SandboxSettings(), "sandbox", 200, "1"),
        (SandboxSettings(), "Sandbox", 401, None),
        (SandboxSettings(), "", 401, None),
        (SandboxSettings(hash_status=403), "wrong", 403, None),
        (SandboxSettings(hash_status=200), "wrong", 200, None),
        (SandboxSettings(hashes={"a": "one", "b": "two"}), "two", 200, "b"),
    ],
)
def test_the_hash_opens_its_channel(
    ask: Ask, settings: SandboxSettings, given: str, status: int, channel: str | None
) -> None:
    receipts = MemoryReceipts()
    app = create_app(settings, receipts=receipts)
    answer = ask(app, "POST", SALE, json={}, headers={"jetti-webhook-hash": given})
    (receipt,) = receipts
    assert (answer.status_code, receipt.channel, receipt.applied) == (
        status,
        channel,
        channel is not None,
    )


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{", {}, 400),
        (b"[]", {}, 422),
        (b'"%s"' % (b"x" * 98), {}, 422),
        (b'"%s"' % (b"x" * 99), {}, 413),
        (b"{}", {"content-length": "9" * 30}, 413),
    ],
)
def test_a_body_that_does_not_fit_is_refused(
    ask: Ask, content: bytes, headers: dict[str, str], status: int
) -> None:
    app = create_app(SandboxSettings(max_body_bytes=100))
    answer = ask(app, "POST", SALE, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["status"] == "error"


@pytest.mark.parametrize(("count", "status"), [(50, 200), (51, 422)])
@pytest.mark.parametrize("endpoint", ENDPOINTS[1:])
def test_a_batch_has_fifty_items_at_most(
    ask: Ask, endpoint: Endpoint, count: int, status: int
) -> None:
    items = [{"sku": str(number)} for number in range(count)]
    answer = ask(create_app(), endpoint.method, endpoint.path, json=items)
    assert answer.status_code == status


def test_poison_refuses_the_request_that_carries_it(ask: Ask) -> None:
    app = create_app(SandboxSettings(poison=frozenset({"bad"}), poison_status=409))
    assert ask(app, "POST", PRODUCTS, json=[{"sku": "a"}, {"sku": "bad"}]).status_code == 409
    assert ask(app, "POST", PRODUCTS, json=[{"sku": "a"}]).status_code == 200


def test_all_endpoints_share_one_limit(ask: Ask) -> None:
    clock = ManualClock()
    app = create_app(SandboxSettings(rate=10, burst=3), clock=clock)

    def statuses() -> list[int]:
        return [
            ask(app, method, path, json=body).status_code for path, (method, body) in PATHS.items()
        ]

    assert statuses() == [200, 200, 200, 429]
    clock.advance(0.2)
    assert statuses() == [200, 200, 429, 429]


def test_a_throttled_answer_tells_when_to_come_back(ask: Ask) -> None:
    app = create_app(SandboxSettings(rate=0.25, burst=1), clock=ManualClock())
    ask(app, "POST", SALE, json={})
    answer = ask(app, "POST", SALE, json={})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "4")


def test_a_throttled_answer_can_lack_the_header(ask: Ask) -> None:
    settings = SandboxSettings(rate=1, burst=1, retry_after="absent")
    app = create_app(settings, clock=ManualClock())
    ask(app, "POST", SALE, json={})
    assert "retry-after" not in ask(app, "POST", SALE, json={}).headers


def test_an_outage_answers_everything_with_its_status(ask: Ask) -> None:
    app = create_app(SandboxSettings(outage=Outage.STATUS, outage_status=504))
    assert ask(app, "GET", SALE).status_code == 504


@pytest.mark.parametrize(
    "settings",
    [
        SandboxSettings(reset=1),
        SandboxSettings(outage=Outage.REFUSED),
        SandboxSettings(timeout=1, hold_seconds=0.01),
    ],
    ids=["reset", "refused", "hold ends"],
)
def test_in_process_a_reset_is_an_error(ask: Ask, settings: SandboxSettings) -> None:
    with pytest.raises(ConnectionResetError):
        ask(create_app(settings), "POST", SALE, json={})


def test_receipts_hold_neither_payload_nor_hash(ask: Ask) -> None:
    receipts = MemoryReceipts()
    app = create_app(SandboxSettings(hashes={"1": "s3cret"}), receipts=receipts)
    sale = {"externalId": "1001", "customer": {"email": "jane@example.com"}}
    for given in ("s3cret", "other-s3cret"):
        ask(app, "POST", SALE, json=sale, headers={"jetti-webhook-hash": given})
    written = b"".join(receipt.to_line() for receipt in receipts)
    assert b"1001" in written
    assert b"s3cret" not in written
    assert b"jane" not in written


def test_a_refusal_does_not_repeat_the_hash(ask: Ask) -> None:
    answer = ask(create_app(), "POST", SALE, json={}, headers={"jetti-webhook-hash": "n3ar"})
    assert "n3ar" not in json.dumps(answer.json())
