"""A doctor that is asked, and what it says by the names of its findings."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from tests.worker.cli.conftest import Run
from typer.testing import Result

from onport_queue.names import Lane
from onport_queue.store import Queue
from onport_worker.cli.doctor.finding import Ailment


@dataclass(frozen=True)
class Diagnosis:
    """What one `doctor --json` said."""

    exit_code: int
    findings: list[dict[str, str]]

    @property
    def ailments(self) -> dict[str, str]:
        """The levels of what is not well, by name."""
        return {one["name"]: one["level"] for one in self.findings if one["level"] != "ok"}

    def told(self, ailment: Ailment) -> dict[str, str]:
        """The one finding of an ailment."""
        (found,) = [one for one in self.findings if one["name"] == ailment]
        assert found["advice"]
        return found


Diagnose = Callable[..., Diagnosis]


def diagnosis(result: Result) -> Diagnosis:
    assert result.stdout, result.output
    document = json.loads(result.stdout)
    levels = [found["level"] for found in document["findings"]]
    assert result.exit_code == ("fault" in levels)
    assert document["ok"] == ("fault" not in levels)
    return Diagnosis(result.exit_code, document["findings"])


@pytest.fixture
def diagnose(run: Run) -> Diagnose:
    """Ask the doctor of a relay on a broker of the tests, whose shop needs no spool."""

    def ask(*arguments: str, **settings: str) -> Diagnosis:
        return diagnosis(run("doctor", "--json", *arguments, **{"SPOOL_MB": "0"} | settings))

    return ask


@pytest.fixture
def diagnose_alone(run_alone: Run) -> Diagnose:
    """The same without that broker."""

    def ask(*arguments: str, **settings: str) -> Diagnosis:
        return diagnosis(run_alone("doctor", "--json", *arguments, **{"SPOOL_MB": "0"} | settings))

    return ask


def looked(queue: Queue, *lanes: Lane, worker: str = "low@host", **about: object) -> None:
    """A worker of these lanes, or of both, looks for work."""
    prints = {"default": ("print",)}
    queue.look(lanes or tuple(Lane), worker=worker, **{"prints": prints} | about)  # type: ignore[arg-type] # whatever a test gives


class _Answering(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b'{"status": "not ready"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[Callable[[int], str]]:
    """Start a server that answers every GET with a status; return its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int) -> str:
        handler = type("Handler", (_Answering,), {"status": status})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        with closing(server.socket):
            server.shutdown()
