import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import pytest

from onport_queue.clock import SystemClock
from onport_queue.errors import SettingsError
from onport_sandbox import SandboxProcess, SandboxSettings
from onport_worker.demo.load import (
    PRODUCTS_AT_ONCE,
    PRODUCTS_EVERY,
    Request,
    Sender,
    main,
    requests_of,
)
from onport_worker.demo.shop import InventedShop
from onport_worker.stopping import Stopping

ORDER = Request("manual-sale.json", {"externalId": "1", "lineItems": []})
HASH = "a shop's hash"


@pytest.fixture(scope="module")
def onport() -> Iterator[SandboxProcess]:
    """What answers at the addresses, as the gateway does."""
    with SandboxProcess(SandboxSettings(hashes={"1": HASH})) as sandbox:
        yield sandbox


class _Healing(SystemClock):
    """A clock by which the outage is over after the first wait."""

    def __init__(self, onport: SandboxProcess) -> None:
        self.waits = 0
        self._onport = onport

    def wait(self, event: threading.Event, seconds: float) -> bool:
        del event, seconds
        self.waits += 1
        self._onport.configure(outage="off")
        return False


def sale_ids(requests: list[Request]) -> list[str]:
    return [each.body["externalId"] for each in requests if isinstance(each.body, dict)]


def test_orders_come_one_by_one_and_the_tenth_is_paid_in_the_next_request() -> None:
    requests = list(islice(requests_of(InventedShop("t", seed=1)), 12))

    assert sale_ids(requests) == [*(f"t-{number}" for number in range(1, 11)), "t-10"]
    assert isinstance(requests[-1].body, dict)
    assert requests[-1].body["saleDefaults"]["paymentStatus"] == "paid"


def test_products_come_first_and_after_every_so_many_orders() -> None:
    requests = list(islice(requests_of(InventedShop("t", seed=1)), 2 * PRODUCTS_EVERY))
    batches = [each for each in requests if each.name == "products.json"]

    assert requests[0] == batches[0]
    assert [len(each.body) for each in batches] == [PRODUCTS_AT_ONCE] * 2
    (second,) = (place for place, each in enumerate(requests) if each == batches[1])
    assert len(set(sale_ids(requests[:second]))) == PRODUCTS_EVERY


@pytest.mark.parametrize("outage", ["status", "refused"])
def test_what_is_not_taken_is_sent_again(
    onport: SandboxProcess, outage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    onport.configure(outage=outage)
    applied, clock = onport.stats().applied_requests, _Healing(onport)
    with closing(Sender(onport.url, HASH, clock=clock)) as sender, Stopping() as stopping:
        sender.send(ORDER, stopping)

    assert clock.waits == 1
    assert onport.stats().applied_requests == applied + 1
    assert capsys.readouterr().err.startswith("load: not taken, sent again: ")


def test_once_told_to_stop_it_does_not_send_again(onport: SandboxProcess) -> None:
    onport.configure(outage="status")
    applied, clock = onport.stats().applied_requests, _Healing(onport)
    with closing(Sender(onport.url, HASH, clock=clock)) as sender, Stopping() as stopping:
        stopping.asked = True
        sender.send(ORDER, stopping)

    onport.configure(outage="off")
    assert clock.waits == 0
    assert onport.stats().applied_requests == applied


def test_a_refusal_ends_it_and_does_not_show_the_hash(
    onport: SandboxProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONPORT_RELAY_WEBHOOK_HASH", "another-shop")

    assert main(["--url", onport.url, "--rate", "1000"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("load: products.json was answered 401: ")
    assert "another-shop" not in said


def test_without_a_hash_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ONPORT_RELAY_WEBHOOK_HASH", raising=False)

    assert main([]) == 2
    assert capsys.readouterr().err.startswith("load: webhook_hash: missing; set ONPORT_RELAY_")


@pytest.mark.parametrize("url", ["gateway:8080", "https://gateway", "http:///path"])
def test_a_base_url_it_can_not_send_to_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="expected http://HOST:PORT/PATH"):
        Sender(url, HASH, clock=SystemClock())


@pytest.mark.parametrize("rate", ["0", "-1", "1e9", "often"])
def test_a_rate_out_of_its_range_is_refused(rate: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--rate={rate}"])
    assert ended.value.code == 2
