import gzip
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, quote_plus

import httpx
import pytest
from pydantic import SecretStr

from onport_queue.clock import SystemClock
from onport_queue.flight import Granted, Item
from onport_queue.fold import Fragment
from onport_queue.names import Kind, Lane
from onport_queue.settings import Settings
from onport_sandbox import SandboxProcess, SandboxSettings
from onport_worker import __version__
from onport_worker.delivery.credentials import Credentials
from onport_worker.delivery.endpoint import HASH_HEADER, HttpEndpoint, proxy_of
from onport_worker.delivery.outcome import Ambiguous, Answered, NotSent, Withheld
from onport_worker.delivery.request import Request, compose

SECRET = "the-secret-hash"
NEXT = "the-next-hash"
ODD = 'an odd "hash" \\ +/ ende'
SETTINGS = Settings(
    webhook_hash=SECRET, webhook_hash_next=NEXT, base_url="http://127.0.0.1:1/webhooks"
)
CREDENTIALS = Credentials(SETTINGS, b"salt")
PRINT, NEXT_PRINT = CREDENTIALS.prints["default"]
REQUEST = Request("POST", "manual-sale.json", b'{"externalId":"1"}', PRINT)


class Gate:
    """A wire that lets everything out, or nothing; and remembers what it was asked and told."""

    def __init__(self, *, passes: int = 2) -> None:
        self.passes = passes
        self.heard: list[str] = []

    def may_go_on(self) -> bool:
        self.heard.append("may go on?")
        return self.heard.count("may go on?") <= self.passes

    def has_gone(self) -> None:
        self.heard.append("has gone")


OPEN = Gate(passes=1_000)


def an_endpoint(handler: Callable[[httpx.Request], httpx.Response]) -> HttpEndpoint:
    return HttpEndpoint(SETTINGS, CREDENTIALS, transport=httpx.MockTransport(handler))


def an_item(key: str, *fragments: Fragment) -> Item:
    return Item(key, 0, 0, 0, fragments)


def test_a_request_carries_the_hash_and_the_body_as_it_is() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"status": "ok"})

    assert isinstance(an_endpoint(answer).send(REQUEST, OPEN), Answered)
    assert seen[0].headers[HASH_HEADER] == SECRET
    assert seen[0].headers["content-type"] == "application/json"
    assert seen[0].headers["user-agent"] == f"onport-relay/{__version__}"
    assert str(seen[0].url) == "http://127.0.0.1:1/webhooks/manual-sale.json"
    assert seen[0].content == b'{"externalId":"1"}'


def test_a_request_carries_the_hash_that_it_names() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    an_endpoint(answer).send(replace(REQUEST, print=NEXT_PRINT), OPEN)
    assert seen[0].headers[HASH_HEADER] == NEXT


def test_an_answer_is_kept_in_part_and_without_the_hashes() -> None:
    text = f"refused {SECRET} {NEXT}\n" + "x" * 100_000
    outcome = an_endpoint(
        lambda _: httpx.Response(422, text=text, headers={"retry-after": "3", "date": "now"})
    ).send(REQUEST, OPEN)
    assert isinstance(outcome, Answered)
    assert outcome.text.startswith("refused *** *** xxx")
    assert len(outcome.text) <= 2_048
    assert (outcome.retry_after, outcome.date) == ("3", "now")


@pytest.mark.parametrize(
    "echo",
    [
        *(ODD, quote(ODD), quote_plus(ODD), json.dumps(ODD), repr(ODD), repr(ODD.encode())),
        b64encode(ODD.encode()).decode(),
        # Its beginning is kept, its end is not.
        "x" * 2_040 + ODD,
    ],
)
def test_a_hash_is_known_in_each_of_its_disguises(echo: str) -> None:
    settings = SETTINGS.model_copy(update={"webhook_hash": SecretStr(ODD)})
    credentials = Credentials(settings, b"salt")
    transport = httpx.MockTransport(lambda _: httpx.Response(422, text=echo))
    request = replace(REQUEST, print=credentials.prints["default"][0])
    with closing(HttpEndpoint(settings, credentials, transport)) as endpoint:
        outcome = endpoint.send(request, OPEN)
    assert isinstance(outcome, Answered)
    assert outcome.text.strip("x\"'b=") == "***"


def test_a_connection_that_does_not_open_is_tried_twice_and_not_sent() -> None:
    tried = []

    def refuse(request: httpx.Request) -> httpx.Response:
        tried.append(request)
        raise httpx.ConnectError("refused", request=request)

    assert isinstance(an_endpoint(refuse).send(REQUEST, OPEN), NotSent)
    assert len(tried) == 2


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError]
)
def test_a_request_without_an_answer_is_ambiguous_and_sent_once(
    error: type[httpx.TransportError],
) -> None:
    tried = []

    def fail(request: httpx.Request) -> httpx.Response:
        tried.append(request)
        raise error("gone", request=request)

    assert isinstance(an_endpoint(fail).send(REQUEST, OPEN), Ambiguous)
    assert len(tried) == 1


class Torn(httpx.SyncByteStream):
    """An answer that ends in the middle."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"acc"
        raise httpx.ReadError("reset")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (httpx.Response(200, stream=Torn()), "acc (the rest could not be read: ReadError)"),
        (
            httpx.Response(
                200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no")
            ),
            " (the rest could not be read: DecodingError)",
        ),
    ],
)
def test_an_answer_that_ends_after_its_head_is_an_answer(answer: httpx.Response, text: str) -> None:
    # Taken for none, what Onport has accepted would be sent again for as long as it answers so.
    assert an_endpoint(lambda _: answer).send(REQUEST, OPEN) == Answered(200, text)


class HandClock(SystemClock):
    """Time that passes when it is told to."""

    now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s


class Trickle(httpx.SyncByteStream):
    """An answer without an end, a byte at a time."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._clock.now_s += SETTINGS.read_timeout_s * 0.4
            yield b"."


def test_an_answer_that_trickles_in_is_read_for_the_read_timeout_only() -> None:
    clock = HandClock()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Trickle(clock)))
    with closing(HttpEndpoint(SETTINGS, CREDENTIALS, transport, clock)) as endpoint:
        assert endpoint.send(REQUEST, OPEN) == Answered(200, "...")


def test_what_a_proxy_refuses_was_not_sent() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ProxyError("502 Bad Gateway", request=request)

    assert isinstance(an_endpoint(refuse).send(REQUEST, OPEN), NotSent)


def test_a_redirect_is_not_followed() -> None:
    outcome = an_endpoint(
        lambda _: httpx.Response(302, headers={"location": "http://elsewhere/"})
    ).send(REQUEST, OPEN)
    assert isinstance(outcome, Answered)
    assert outcome.status == 302


def test_a_cookie_is_not_sent_back() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"set-cookie": "visitor=1"})

    endpoint = an_endpoint(answer)
    for _ in range(2):
        assert isinstance(endpoint.send(REQUEST, OPEN), Answered)
    assert ["cookie" in request.headers for request in seen] == [False, False]


def test_a_compressed_answer_is_read_as_text() -> None:
    body, headers = gzip.compress(b"refused"), {"content-encoding": "gzip"}
    outcome = an_endpoint(lambda _: httpx.Response(422, content=body, headers=headers)).send(
        REQUEST, OPEN
    )
    assert isinstance(outcome, Answered)
    assert outcome.text == "refused"


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        (Kind.SALE, "POST", "manual-sale.json"),
        (Kind.PRODUCT, "POST", "products.json"),
        (Kind.ACKNOWLEDGE, "PUT", "acknowledge-inventory-feed-variant-batches.json"),
        (Kind.DISCONNECT, "PUT", "disconnect-inventory-feed-variant-batches.json"),
    ],
)
def test_each_kind_has_its_method_and_path(kind: Kind, method: str, path: str) -> None:
    item = an_item(f"{kind.family}:default:1", Fragment("F", "", b"{}"))
    request = compose(Granted("lease", kind, "default", Lane.LOW, more=False, items=(item,)))
    assert (request.method, request.path) == (method, path)


def test_products_become_one_array_of_their_own_texts() -> None:
    items = (
        an_item("product:default:sku=1", Fragment("F", "", b'{"sku": "1", "costPrice": 1.10}')),
        an_item("product:default:sku=2", Fragment("F", "", b'{"sku":"2"}')),
    )
    body = compose(
        Granted("lease", Kind.PRODUCT, "default", Lane.LOW, more=False, items=items)
    ).body
    assert body == b'[{"sku": "1", "costPrice": 1.10},{"sku":"2"}]'


def test_links_become_items_with_their_sku_colons_and_all() -> None:
    links = (Fragment("A", "a", b'{"vendorSku":"a"}'), Fragment("A", "b", b'{"vendorSku":"b"}'))
    item = an_item("variant:default:red:xl", *links)
    body = compose(
        Granted("lease", Kind.ACKNOWLEDGE, "default", Lane.LOW, more=False, items=(item,))
    ).body
    assert body == b'[{"sku":"red:xl","vendorSkus":[{"vendorSku":"a"},{"vendorSku":"b"}]}]'


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess(SandboxSettings(hashes={"default": SECRET})) as running:
        yield running


def an_endpoint_at(sandbox: SandboxProcess) -> HttpEndpoint:
    return HttpEndpoint(SETTINGS.model_copy(update={"base_url": sandbox.url}), CREDENTIALS)


def test_the_wire_is_asked_before_head_and_body_and_told_after_the_last_byte(
    sandbox: SandboxProcess,
) -> None:
    wire = Gate()
    with closing(an_endpoint_at(sandbox)) as endpoint:
        assert isinstance(endpoint.send(REQUEST, wire), Answered)
    assert wire.heard == ["may go on?", "may go on?", "has gone"]


@pytest.mark.parametrize("passes", [0, 1])
def test_it_is_no_request_if_the_wire_says_no_before_its_head_or_before_its_body(
    sandbox: SandboxProcess, passes: int
) -> None:
    before = len(list(sandbox.receipts()))
    with closing(an_endpoint_at(sandbox)) as endpoint:
        assert isinstance(endpoint.send(REQUEST, Gate(passes=passes)), Withheld)
        assert isinstance(endpoint.send(REQUEST, OPEN), Answered)
    assert [receipt.applied for receipt in sandbox.receipts()][before:] == [True]


class Server(ThreadingHTTPServer):
    """Accepts everything; remembers which connection brought which address."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.seen: list[tuple[int, str]] = []
        self.together = threading.Barrier(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((self.client_address[1], self.path))
        self.server.together.wait(10)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_requests_one_after_another_go_over_one_connection(server: Server) -> None:
    settings = SETTINGS.model_copy(update={"base_url": server.url})
    with closing(HttpEndpoint(settings, CREDENTIALS)) as endpoint:
        for _ in range(3):
            assert isinstance(endpoint.send(REQUEST, OPEN), Answered)
    assert len({connection for connection, _ in server.seen}) == 1


def test_requests_at_a_time_have_a_connection_each_and_keep_it(server: Server) -> None:
    settings = SETTINGS.model_copy(update={"base_url": server.url})
    server.together = threading.Barrier(3)
    with closing(HttpEndpoint(settings, CREDENTIALS)) as endpoint:
        for _ in range(2):
            threads = [threading.Thread(target=endpoint.send, args=(REQUEST, OPEN)) for _ in "123"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert len(server.seen) == 6
    assert len({connection for connection, _ in server.seen}) == 3


def test_the_environments_proxy_is_used_but_not_for_what_it_leaves_out(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    with closing(HttpEndpoint(SETTINGS, CREDENTIALS)) as endpoint:
        assert isinstance(endpoint.send(REQUEST, OPEN), Answered)
    assert [path for _, path in server.seen] == ["http://127.0.0.1:1/webhooks/manual-sale.json"]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with closing(HttpEndpoint(SETTINGS, CREDENTIALS)) as endpoint:
        assert isinstance(endpoint.send(REQUEST, OPEN), NotSent)


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://example.com", {}, None),
        ("https://example.com", {"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://example.com", {"https_proxy": "proxy:3128"}, "http://proxy:3128"),
        ("https://example.com", {"all_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://example.com", {"http_proxy": "http://proxy:3128"}, None),
        ("https://example.com", {"https_proxy": "http://p:1", "no_proxy": "*"}, None),
        ("https://in.example.com", {"https_proxy": "http://p:1", "no_proxy": "example.com"}, None),
        ("https://127.0.0.1:8", {"https_proxy": "http://p:1", "no_proxy": "a, 127.0.0.1"}, None),
    ],
)
def test_the_proxy_is_the_environments(
    url: str, environment: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy
