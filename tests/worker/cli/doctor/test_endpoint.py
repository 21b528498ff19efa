import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from tests.worker.cli.conftest import Run
from tests.worker.cli.doctor.conftest import Diagnose

from onport_worker.cli.doctor.finding import Ailment
from onport_worker.embedded.address import choose_port

Answering = Callable[[int], str]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_an_endpoint_that_takes_no_connection_is_a_fault(diagnose: Diagnose) -> None:
    port = choose_port(0, last=None)

    found = diagnose(WEBHOOK_HASH="x", BASE_URL=f"http://127.0.0.1:{port}/hooks")

    told = found.told(Ailment.ENDPOINT_UNREACHABLE)
    assert told["level"] == "fault"
    assert told["text"].startswith(f"http://127.0.0.1:{port}/hooks: no connection to 127.0.0.1:")


def test_one_that_takes_it_is_sent_nothing(diagnose: Diagnose, listener: socket.socket) -> None:
    found = diagnose(WEBHOOK_HASH="x", BASE_URL=f"http://127.0.0.1:{port_of(listener)}")

    assert Ailment.ENDPOINT_UNREACHABLE not in found.ailments
    taken, _ = listener.accept()
    with taken:
        assert taken.recv(1) == b""


def test_one_that_does_not_speak_tls_is_a_fault_where_it_is_to(
    diagnose: Diagnose, listener: socket.socket
) -> None:
    def answer_plainly() -> None:
        taken, _ = listener.accept()
        with taken:
            taken.recv(1_000)
            taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    answering = threading.Thread(target=answer_plainly)
    answering.start()
    found = diagnose(WEBHOOK_HASH="x", BASE_URL=f"https://127.0.0.1:{port_of(listener)}")
    answering.join()

    assert "SSL" in found.told(Ailment.ENDPOINT_UNREACHABLE)["text"]


def test_who_only_puts_need_not_reach_it(diagnose: Diagnose) -> None:
    found = diagnose(BASE_URL=f"http://127.0.0.1:{choose_port(0, last=None)}")

    assert Ailment.ENDPOINT_UNREACHABLE not in found.ailments


def test_what_goes_by_a_proxy_is_not_asked(
    diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")

    found = diagnose(WEBHOOK_HASH="x", BASE_URL="http://127.0.0.1:1")

    assert Ailment.ENDPOINT_UNREACHABLE not in found.ailments


def test_a_port_that_is_none_is_a_fault(diagnose: Diagnose) -> None:
    found = diagnose("--gateway", "http://x:y")
    assert "port" in found.told(Ailment.GATEWAY_SILENT)["text"]

    found = diagnose(WEBHOOK_HASH="x", BASE_URL="http://127.0.0.1:99999")
    assert "base_url" in found.told(Ailment.SETTINGS_INVALID)["text"]


def test_a_gateway_that_does_not_answer_is_a_fault(diagnose: Diagnose) -> None:
    url = f"http://127.0.0.1:{choose_port(0, last=None)}"

    found = diagnose("--gateway", url)

    assert found.told(Ailment.GATEWAY_SILENT)["text"].startswith(f"{url}: ")


@pytest.mark.parametrize(("status", "level"), [(200, None), (503, "fault")])
def test_a_gateway_is_believed(
    diagnose: Diagnose, answering: Answering, status: int, level: str | None
) -> None:
    found = diagnose("--gateway", answering(status))

    assert found.ailments.get(Ailment.GATEWAY_SILENT) == level


def test_a_gateway_that_is_no_url_is_refused(run: Run) -> None:
    result = run("doctor", "--gateway", "shop:8080")

    assert result.exit_code == 2
    assert "--gateway shop:8080: expected an URL" in result.stderr
