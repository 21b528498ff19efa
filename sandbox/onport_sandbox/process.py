"""A sandbox as a child process: for tests, demonstrations and benchmarks."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from onport_sandbox import child
from onport_sandbox.control_client import ControlClient, SettingValue
from onport_sandbox.errors import SandboxProcessError
from onport_sandbox.receipts import Receipt, read_receipts
from onport_sandbox.server import DEFAULT_HOST, base_url
from onport_sandbox.settings import SandboxSettings
from onport_sandbox.stats import Stats


@dataclass(frozen=True, slots=True)
class _Running:
    pid: int
    port: int
    receipts: Path
    control: ControlClient


class SandboxProcess:
    """Runs a sandbox on a free loopback port for as long as the context lasts.

    It ends with this process, however this process ends.

        with SandboxProcess(SandboxSettings(rate=10)) as sandbox:
            send_everything_to(sandbox.url)
            assert sandbox.stats().applied_requests == 3

    Args:
        settings: How it answers at first; the defaults if None.
        receipts: The file that receipts are appended to; None takes one that ends with the context.
        start_timeout: How long it may take to start.
    """

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        receipts: Path | None = None,
        start_timeout: timedelta = timedelta(seconds=15),
    ) -> None:
        self._settings = settings or SandboxSettings()
        self._receipts = receipts
        self._start_timeout = start_timeout
        self._running: _Running | None = None
        self._cleanup = ExitStack()

    @property
    def url(self) -> str:
        """The address that a client appends the endpoint's name to."""
        return base_url(DEFAULT_HOST, self.port)

    @property
    def port(self) -> int:
        """The port it listens at."""
        return self._in_context().port

    @property
    def pid(self) -> int:
        """The id of the child process."""
        return self._in_context().pid

    def receipts(self) -> Iterator[Receipt]:
        """Yield the receipts so far, oldest first."""
        return read_receipts(self._in_context().receipts)

    def stats(self) -> Stats:
        """Return the counts since the start or the last reset."""
        return self._in_context().control.stats()

    def configure(self, **changes: SettingValue) -> None:
        """Put settings in force for the next request; `faults` is taken too.

        Raises:
            SettingsError: A setting is unknown, of the wrong type or out of its range.
        """
        self._in_context().control.configure(changes)

    def reset(self) -> None:
        """Go back to how it was started: settings, limit, draws, counts. Receipts are kept."""
        self._in_context().control.reset()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            path = self._receipts
            if path is None:
                folder = stack.enter_context(TemporaryDirectory(prefix="onport-sandbox-"))
                path = Path(folder) / "receipts.jsonl"
            process = stack.enter_context(child.spawn(path))
            stack.callback(child.stop, process)
            port = child.start(process, self._settings, self._start_timeout)
            control = ControlClient(DEFAULT_HOST, port)
            self._running = _Running(process.pid, port, path, control)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running = None
        self._cleanup.close()

    def _in_context(self) -> _Running:
        if self._running is None:
            raise SandboxProcessError("sandbox: is not running, expected use inside its `with`")
        return self._running
