import socket

import pytest

from onport_worker.embedded.readiness import Readiness, ask, judge


@pytest.mark.parametrize(
    ("answer", "readiness"),
    [
        (b"+OK\r\n+PONG\r\n", Readiness.READY),
        (b"+OK\r\n-MISCONF Errors writing to the AOF file\r\n", Readiness.READY),
        (b"+OK\r\n-LOADING the server is loading\r\n", Readiness.LOADING),
        (b"-WRONGPASS invalid username-password pair\r\n-NOAUTH\r\n", Readiness.ABSENT),
        (b"-ERR AUTH called without any password\r\n+PONG\r\n", Readiness.ABSENT),
        (b"+OK\r\n", Readiness.ABSENT),
        (b"+OK\r\n-ERR what\r\n", Readiness.ABSENT),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Readiness.ABSENT),
        (b"", Readiness.ABSENT),
    ],
)
def test_answers_are_judged(answer: bytes, readiness: Readiness) -> None:
    assert judge(answer) is readiness


def test_a_port_where_nobody_listens_is_absent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        assert ask(port=taken.getsockname()[1], password="any") is Readiness.ABSENT
