import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from pydantic import SecretStr

from onport_worker.alerts.webhook import Webhook, WebhookError

TOKEN = "T0KEN-OF-THE-WEBHOOK"
URL = SecretStr(f"https://hooks.example/services/{TOKEN}")


def a_webhook(
    handler: Callable[[httpx.Request], httpx.Response], *, is_stopped: bool = False
) -> Webhook:
    transport = httpx.MockTransport(handler)
    return Webhook(URL, is_stopped=lambda: is_stopped, transport=transport)


class Answers:
    """Answers with these, the last one again and again; an exception is raised."""

    def __init__(self, *answers: int | Exception) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        del request
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, headers={"location": "https://elsewhere.example/"})


def test_it_gets_json() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    a_webhook(answer).post({"alert": "test"})
    assert [(one.method, str(one.url)) for one in seen] == [("POST", URL.get_secret_value())]
    assert seen[0].headers["content-type"] == "application/json"
    assert seen[0].content == b'{"alert":"test"}'


@pytest.mark.parametrize("first", [500, 503, 429, 408, httpx.ConnectError(f"at {TOKEN}")])
def test_what_may_pass_is_tried_again(first: int | Exception) -> None:
    answers = Answers(first, 200)
    a_webhook(answers).post({})
    assert answers.asked == 2


@pytest.mark.parametrize("status", [301, 400, 404, 410])
def test_what_will_not_pass_is_not_tried_again_and_no_redirect_is_followed(status: int) -> None:
    answers = Answers(status)
    with pytest.raises(WebhookError, match=f"^webhook: answered {status}, expected 2xx$"):
        a_webhook(answers).post({})
    assert answers.asked == 1


def test_it_is_given_up_after_three_attempts() -> None:
    answers = Answers(502)
    with pytest.raises(WebhookError, match=r"^webhook: answered 502$"):
        a_webhook(answers).post({})
    assert answers.asked == 3


def test_who_is_to_stop_does_not_try_again() -> None:
    answers = Answers(502)
    with pytest.raises(WebhookError):
        a_webhook(answers, is_stopped=True).post({})
    assert answers.asked == 1


@pytest.mark.parametrize(
    "failure", [httpx.ReadTimeout(f"{URL}"), httpx.InvalidURL(TOKEN), httpx.TooManyRedirects(TOKEN)]
)
def test_no_error_has_the_address_in_it(failure: Exception) -> None:
    with pytest.raises(WebhookError) as caught:
        a_webhook(Answers(failure)).post({})
    assert TOKEN not in str(caught.value)
    assert caught.value.__suppress_context__
    assert type(failure).__name__ in str(caught.value)


def test_no_log_has_the_address_in_it(caplog: pytest.LogCaptureFixture) -> None:
    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with caplog.at_level(logging.DEBUG):
            webhook = Webhook(SecretStr(f"http://127.0.0.1:{server.server_port}/{TOKEN}"))
            webhook.post({})
            webhook.close()
        thread.join(10)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(webhook)
