from collections.abc import Callable

import httpx
import pytest

from onport_sandbox import MemoryReceipts, SandboxSettings, create_app
from onport_sandbox.control import is_loopback

Ask = Callable[..., httpx.Response]
SALE = "/webhooks/custom-channels/manual-sale.json"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_addresses_of_this_host_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


CONTROLS = [
    ("GET", "/_sandbox/settings"),
    ("PATCH", "/_sandbox/settings"),
    ("GET", "/_sandbox/stats"),
    ("POST", "/_sandbox/reset"),
    ("GET", "/_sandbox/healthz"),
]


@pytest.mark.parametrize(("method", "path"), CONTROLS)
def test_control_is_for_loopback_clients(ask: Ask, method: str, path: str) -> None:
    answer = ask(create_app(), method, path, content="{}", client="10.0.0.1")
    assert answer.status_code == 403


def test_a_header_does_not_make_a_client_local(ask: Ask) -> None:
    forged = {"x-forwarded-for": "127.0.0.1", "forwarded": "for=127.0.0.1"}
    answer = ask(create_app(), "GET", "/_sandbox/stats", headers=forged, client="10.0.0.1")
    assert answer.status_code == 403


@pytest.mark.parametrize(("method", "path"), CONTROLS)
def test_control_can_be_opened_to_other_hosts(ask: Ask, method: str, path: str) -> None:
    app = create_app(control_anywhere=True)
    assert ask(app, method, path, content="{}", client="10.0.0.1").status_code == 200


def test_the_endpoints_answer_every_client(ask: Ask) -> None:
    assert ask(create_app(), "POST", SALE, json={}, client="10.0.0.1").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/_sandbox/settings"), ("POST", "/_sandbox/stats"), ("GET", "/_sandbox/reset")],
)
def test_control_refuses_the_wrong_method(ask: Ask, method: str, path: str) -> None:
    assert ask(create_app(), method, path).status_code == 405


def test_it_is_healthy(ask: Ask) -> None:
    assert ask(create_app(), "GET", "/_sandbox/healthz").json() == {"status": "ok"}


def test_settings_show_no_hash(ask: Ask) -> None:
    app = create_app(SandboxSettings(hashes={"shop": "s3cret"}))
    answer = ask(app, "GET", "/_sandbox/settings")
    assert answer.json()["hashes"] == {"shop": "********"}
    assert "s3cret" not in answer.text


def test_a_change_holds_at_once_and_is_shown(ask: Ask) -> None:
    app = create_app()
    answer = ask(app, "PATCH", "/_sandbox/settings", json={"error": 1, "error_status": 500})
    assert (answer.status_code, answer.json()["error_status"]) == (200, 500)
    assert ask(app, "POST", SALE, json={}).status_code == 500
    ask(app, "PATCH", "/_sandbox/settings", json={"error": 0})
    assert ask(app, "POST", SALE, json={}).status_code == 200


def test_a_hash_can_be_changed(ask: Ask) -> None:
    app = create_app()
    ask(app, "PATCH", "/_sandbox/settings", json={"hashes": {"1": "rotated"}})
    assert ask(app, "POST", SALE, json={}).status_code == 401


def test_a_refused_change_names_its_fields_and_changes_nothing(ask: Ask) -> None:
    app = create_app()
    change = {"rate": "fast", "speed": 1, "max_items": 3}
    answer = ask(app, "PATCH", "/_sandbox/settings", json=change)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["problems"]] == ["speed", "rate"]
    assert ask(app, "GET", "/_sandbox/settings").json()["max_items"] == 50


def test_a_change_that_is_no_json_is_refused(ask: Ask) -> None:
    assert ask(create_app(), "PATCH", "/_sandbox/settings", content="{").status_code == 400


def test_naming_the_seed_starts_the_draws_again(ask: Ask) -> None:
    receipts = MemoryReceipts()
    app = create_app(SandboxSettings(error=0.5, seed=2), receipts=receipts)
    for _ in range(2):
        for _ in range(10):
            ask(app, "POST", SALE, json={})
        ask(app, "PATCH", "/_sandbox/settings", json={"seed": 2})
    faults = [receipt.fault for receipt in receipts]
    assert faults[:10] == faults[10:]


def test_stats_count_until_they_are_reset(ask: Ask) -> None:
    app = create_app()
    ask(app, "POST", SALE, json={})
    stats = ask(app, "GET", "/_sandbox/stats").json()
    assert (stats["requests"], stats["by_status"], stats["applied_items"]) == (1, {"200": 1}, 1)
    ask(app, "POST", "/_sandbox/reset")
    assert ask(app, "GET", "/_sandbox/stats").json()["requests"] == 0
