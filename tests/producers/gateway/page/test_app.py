"""The page's paths: who is let in, what is told, what is done."""

import asyncio
import json

import pytest
from tests.producers.conftest import CountingWaker
from tests.producers.gateway.page.conftest import TOKEN, Visitor
from tests.producers.spool.conftest import a_put
from tests.worker.cli.conftest import bury, put

from onport_producers.gateway.page import Page
from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
from onport_queue.names import Kind, Lane
from onport_queue.settings import Settings
from onport_queue.store import Queue

BEHIND = [("GET", "events"), ("GET", "letters"), ("DELETE", "session")]
ACTIONS = [("POST", what) for what in ("pause", "resume", "replay", "discard")]


def first_picture(visitor: Visitor) -> dict[str, object]:
    """Read the stream's first picture, and leave."""

    async def read() -> bytes:
        told: list[bytes] = []
        cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": "GET",
            "path": "/page/events",
            "query_string": b"",
            "headers": [(b"cookie", cookies.encode())],
        }
        leaving = asyncio.Event()

        async def receive() -> dict[str, object]:
            await leaving.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                assert dict(message["headers"])[b"content-type"].startswith(b"text/event-stream")  # type: ignore[call-overload] # ASGI's
            body = message.get("body")
            if isinstance(body, bytes):
                told.append(body)
                if b"picture" in body:
                    leaving.set()

        async with asyncio.timeout(10):
            await visitor.page(scope, receive, send)  # type: ignore[arg-type] # ASGI's
        return b"".join(told)

    told = visitor.runner.run(read())
    retry, event, end = told.split(b"\n\n")
    name, data = event.split(b"\n")
    assert (retry, name, end) == (b"retry: 2000", b"event: picture", b"")
    return json.loads(data.removeprefix(b"data: "))  # type: ignore[no-any-return] # JSON


@pytest.mark.parametrize(("method", "path"), BEHIND + ACTIONS)
def test_nothing_is_told_or_done_without_a_session(
    stranger: Visitor, queue: Queue, method: str, path: str
) -> None:
    bury(queue, "1")
    body = json.dumps({"account": "default", "scope": "account", "keys": ["sale:default:1"]})

    answer = stranger.send(method, f"/page/{path}", body.encode())

    assert answer.status_code == 401
    assert "sale" not in answer.text
    assert (queue.stats().dead, queue.stats().pauses) == (1, ())


def test_the_shell_tells_nothing_and_loads_nothing_from_elsewhere(
    stranger: Visitor, queue: Queue
) -> None:
    put(queue, "1001")

    answer = stranger.get("/")

    assert answer.status_code == 200
    assert "1001" not in answer.text
    assert TOKEN not in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["page.js", "page.css", "icon.svg"])
def test_its_files_are_served_as_what_they_are(stranger: Visitor, name: str) -> None:
    answer = stranger.get(f"/page/static/{name}")

    assert answer.status_code == 200
    kinds = {"js": "javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert kinds[name.rpartition(".")[2]] in answer.headers["content-type"]


@pytest.mark.parametrize("shown", ["", TOKEN[:-1], f"{TOKEN} ", "x" * 20_000])
def test_what_is_not_the_token_opens_nothing(stranger: Visitor, shown: str) -> None:
    answer = stranger.enter(shown)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert stranger.get("/page/session").json() == {"is_open": False}


def test_the_token_opens_a_session_until_one_leaves(stranger: Visitor) -> None:
    cookie = stranger.enter().headers["set-cookie"]
    assert stranger.get("/page/session").json() == {"is_open": True}
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    assert "Secure" not in cookie

    stranger.send("DELETE", "/page/session")

    assert stranger.get("/page/session").json() == {"is_open": False}


def test_behind_a_proxy_with_tls_the_cookie_goes_nowhere_else(stranger: Visitor) -> None:
    stranger.headers["x-forwarded-proto"] = "https"

    assert "Secure" in stranger.enter().headers["set-cookie"].split("; ")


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-onport-relay": "page", "sec-fetch-site": "cross-site"}, {"origin": "http://evil"}],
    ids=["no header of ours", "the browser says elsewhere", "a form of elsewhere"],
)
def test_a_page_of_elsewhere_does_nothing_with_the_operator_s_cookie(
    operator: Visitor, queue: Queue, headers: dict[str, str]
) -> None:
    operator.headers = headers

    assert operator.wish("pause", scope="account").status_code == 403
    assert queue.stats().pauses == ()
    assert operator.send("DELETE", "/page/session").status_code == 403


def test_the_stream_tells_of_every_account_and_of_the_spool(
    operator: Visitor, queue: Queue, settings: Settings
) -> None:
    put(queue, "1001", "1002", body=b'{"customer": "Ada"}')
    Spool.of(settings, SystemClock()).append(a_put())

    picture = first_picture(operator)

    assert picture["away"] is None
    first, second = picture["accounts"]  # type: ignore[misc] # JSON
    assert (first["account"], second["account"]) == ("default", "us")  # type: ignore[has-type] # JSON
    assert first["picture"]["lanes"]["high"]["pending"] == 2  # type: ignore[has-type] # JSON
    assert first["picture"]["streams"][0]["name"] == "new sales"  # type: ignore[has-type] # JSON
    assert first["channels"] == ["default", "uk"]  # type: ignore[has-type] # JSON
    assert first["spool"]["jobs"] == 1  # type: ignore[has-type] # JSON
    assert second["picture"]["pending"] == 0  # type: ignore[has-type] # JSON
    assert "Ada" not in json.dumps(picture)


def test_while_the_broker_is_away_the_stream_says_so(settings: Settings, operator: Visitor) -> None:
    nowhere = settings.model_copy(update={"redis_url": "redis://:secret@127.0.0.1:1/0"})
    operator.page = Page(nowhere, TOKEN)

    picture = first_picture(operator)

    assert "127.0.0.1:1" in picture["away"]["why"]  # type: ignore[index] # JSON
    assert "secret" not in json.dumps(picture)
    assert [one["picture"] for one in picture["accounts"]] == [None, None]  # type: ignore[attr-defined] # JSON
    assert operator.wish("pause", scope="account").status_code == 503
    operator.page.close()


def test_dead_letters_are_listed_newest_first_with_their_answer_and_counted_by_sort(
    operator: Visitor, queue: Queue
) -> None:
    bury(queue, "1", text="no such variant", body=b'{"customer": "Ada"}')
    bury(queue, "2", kind=Kind.PRODUCT, channel="uk", status="400")
    bury(queue, "3")

    listed = operator.get("/page/letters", account="default")

    assert "Ada" not in listed.text
    assert [letter["key"] for letter in listed.json()["letters"]] == [
        "sale:default:3",
        "product:uk:2",
        "sale:default:1",
    ]
    assert listed.json()["letters"][2]["text"] == "no such variant"
    assert listed.json()["sorts"][0] == {
        "kind": "sale",
        "channel": "default",
        "status": "422",
        "letters": 2,
    }
    some = operator.get("/page/letters", account="default", kind="product", status="400").json()
    assert ([letter["key"] for letter in some["letters"]], some["chosen"]) == (["product:uk:2"], 1)


@pytest.mark.parametrize("query", [{"account": "no"}, {"account": "default", "kind": "no"}])
def test_letters_of_what_is_not_there_are_refused(operator: Visitor, query: dict[str, str]) -> None:
    assert operator.get("/page/letters", **query).status_code == 422


@pytest.mark.parametrize("scope", ["account", "lane:low", "channel:uk", "endpoint:default:product"])
def test_whatever_has_a_scope_is_paused_and_resumed(
    operator: Visitor, queue: Queue, scope: str
) -> None:
    paused = operator.wish("pause", scope=scope, seconds=600, reason="prices\x1b[2J are wrong")

    assert paused.json() == {"done": 1}
    (pause,) = queue.stats().pauses
    assert (pause.scope, pause.cause) == (scope, "operator")
    assert "\x1b" not in pause.reason
    assert 599_000 < pause.left_ms <= 600_000

    assert operator.wish("resume", scope=scope).json() == {"done": 1}
    assert queue.stats().pauses == ()


@pytest.mark.parametrize(
    ("what", "wish"),
    [
        ("pause", {"scope": "lane:middle"}),
        ("pause", {"scope": "channel:us"}),
        ("pause", {"scope": "account", "seconds": 0}),
        ("pause", {"scope": "account", "seconds": "NaN"}),
        ("pause", {"scope": "account", "account": "nobody's"}),
        ("pause", {}),
        ("resume", {"scope": ""}),
        ("replay", {"keys": ["x"] * 501}),
        ("replay", {"kind": "no"}),
        ("discard", {"everything": True}),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_and_changes_nothing(
    operator: Visitor, queue: Queue, what: str, wish: dict[str, object]
) -> None:
    bury(queue, "1")

    answer = operator.wish(what, **wish)

    assert answer.status_code == 422
    assert answer.json()["error"]
    assert (queue.stats().dead, queue.stats().pauses) == (1, ())


def test_replayed_letters_are_pending_and_their_lane_is_woken(
    operator: Visitor, queue: Queue, waker: CountingWaker
) -> None:
    bury(queue, "1", "2", "3")

    replayed = operator.wish("replay", keys=["sale:default:1", "sale:default:no"])

    assert replayed.json() == {"done": 1}
    assert (queue.stats().pending, queue.stats().dead) == (1, 2)
    assert waker.woken == [Lane.HIGH]


def test_only_letters_that_were_listed_are_discarded(operator: Visitor, queue: Queue) -> None:
    bury(queue, "1", "2", status="422")
    bury(queue, "3", status="400")
    listed = operator.get("/page/letters", account="default", status="422").json()
    bury(queue, "4", status="422")

    discarded = operator.wish("discard", status="422", as_of_ms=listed["as_of_ms"])

    assert discarded.json() == {"done": 2}
    assert {letter.key for letter in queue.dead()} == {"sale:default:3", "sale:default:4"}


def test_all_letters_go_in_portions(operator: Visitor, queue: Queue) -> None:
    for first in (0, 400, 800):
        bury(queue, *map(str, range(first, first + 400)))
    listed = operator.get("/page/letters", account="default").json()
    assert (listed["chosen"], len(listed["letters"])) == (1_200, 100)

    replayed = operator.wish("replay", as_of_ms=listed["as_of_ms"])

    assert replayed.json() == {"done": 1_200}
    assert queue.stats().dead == 0


@pytest.mark.parametrize("what", ["replay", "discard"])
def test_without_keys_or_a_listing_nothing_is_meant(
    operator: Visitor, queue: Queue, what: str
) -> None:
    bury(queue, "1")

    assert operator.wish(what).json() == {"done": 0}
    assert queue.stats().dead == 1


def test_a_log_says_what_was_done_and_names_no_key(
    operator: Visitor, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    bury(queue, "the-key")
    operator.wish("discard", keys=["sale:default:the-key"])
    operator.wish("pause", scope="lane:low", reason="the-reason")

    assert "page_discarded account=default letters=1" in caplog.text
    assert "page_paused account=default scope=lane:low" in caplog.text
    assert "the-key" not in caplog.text
    assert "the-reason" not in caplog.text
