"""What a bench runs: us, a peer or a floor. And what it is run on."""

import json
import os
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from redis import Redis
from tests.benchmarks.payloads import Load
from tests.benchmarks.peers.setup import HASH, Setup
from tests.benchmarks.together import Start

from onport_sandbox import SandboxProcess, SandboxSettings
from onport_worker.embedded import EmbeddedBroker
from onport_worker.embedded.conf import AppendFsync

ROOT = Path(__file__).parents[2]


class TrialError(Exception):
    """A contender did not do what a trial needs; the text says what, `log` is its log's end."""

    def __init__(self, text: str, log: str = "") -> None:
        super().__init__(text)
        self.log = log


@dataclass(frozen=True, slots=True)
class Arena:
    """A trial's broker and endpoint, both fresh; `start` is where it waits for the others."""

    home: Path
    broker_url: str
    broker_pid: int
    sandbox: SandboxProcess
    start: Start

    @property
    def redis(self) -> Redis:
        """A client of the broker."""
        return Redis.from_url(self.broker_url)

    def setup(self, **conditions: Any) -> Setup:
        """Return the conditions of a trial here."""
        return Setup(broker=self.broker_url, endpoint=self.sandbox.url, **conditions)

    def log_tail(self) -> str:
        """Return the end of what the contender's processes logged."""
        log = self.home / "contender.log"
        return log.read_text(errors="replace")[-1500:] if log.exists() else ""


class Contender(Protocol):
    """Whoever delivers jobs."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in results."""

    @property
    def title(self) -> str:
        """What it is called on the page."""

    @property
    def setup_text(self) -> str:
        """How it is set up, for a reader who doubts."""

    def versions(self) -> Mapping[str, str]:
        """Return the exact versions of what it is made of."""

    def publishing(self, arena: Arena, setup: Setup) -> AbstractContextManager["Shop"]:
        """Run the process that publishes its jobs while the context lasts."""

    def working(self, arena: Arena, setup: Setup) -> AbstractContextManager[Collection[int]]:
        """Run its workers; gives the leaders of the sessions that all their processes are in."""


class Shop:
    """A publisher (peers/publisher.py) in a process of its own, and what it is told to do."""

    def __init__(self, process: "subprocess.Popen[bytes]", arena: Arena) -> None:
        self._process = process
        self._arena = arena

    def many(self, load: Load) -> float:
        """Publish a load as fast as it goes; return the seconds."""
        return float(self._ask(do="many", load=asdict(load))["seconds"])

    def one(self, load: Load) -> float:
        """Publish a load's jobs one by one; return the Unix time of the first call."""
        return float(self._ask(do="one", load=asdict(load))["called_at"])

    def time(self, load: Load, callers: int) -> Sequence[float]:
        """Publish one by one from so many callers at a time; return the ms of each call."""
        return [float(ms) for ms in self._ask(do="time", load=asdict(load), callers=callers)["ms"]]

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        if not answer:
            raise TrialError("the publisher ended", self._arena.log_tail())
        return dict(json.loads(answer))


@contextmanager
def publisher(
    command: Sequence[str], environment: Mapping[str, str], arena: Arena
) -> Iterator[Shop]:
    """Run a publisher's process."""
    with (arena.home / "contender.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield Shop(process, arena)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def arena(
    answers: Mapping[str, Any],
    *,
    appendfsync: AppendFsync = "everysec",
    start: Start | None = None,
    data: Path | None = None,
) -> Iterator[Arena]:
    """Start a broker and a sandbox in a temporary directory; `data` is the broker's, if given."""
    settings = SandboxSettings(hashes={"default": HASH}, **answers)
    with TemporaryDirectory(prefix="onport-relay-bench-") as directory:
        home = Path(directory)
        with (
            EmbeddedBroker(data or home / "broker", appendfsync=appendfsync) as broker,
            SandboxProcess(settings, receipts=home / "receipts.jsonl") as sandbox,
            Redis.from_url(broker.url) as redis,
        ):
            pid = int(redis.info("server")["process_id"])
            yield Arena(home, broker.url, pid, sandbox, start or Start(1))
