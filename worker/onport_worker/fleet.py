"""Celery workers as child processes, for `up` and `demo`: with their settings, stopped by pid."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from onport_queue.errors import RelayError
from onport_queue.names import Lane
from onport_queue.settings import ENVIRONMENT_PREFIX, Settings

# Longer than a request may take to connect and to be answered, so that TERM finishes the wire.
_GRACE_BEYOND_TIMEOUTS_S = 5.0


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """One worker process: its name, the lanes it serves in order, its threads."""

    name: str
    lanes: Sequence[Lane]
    concurrency: int


class Fleet:
    """Worker processes that are started and stopped together; each in a session of its own, so that
    Ctrl-C reaches the parent only and the order of stopping is ours."""

    def __init__(self, settings: Settings, plans: Sequence[WorkerPlan], log: Path) -> None:
        self._settings = settings
        self._plans = plans
        self._log = log
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Fleet":
        """Start all workers."""
        with self._log.open("ab") as log:
            for plan in self._plans:
                self._processes.append(
                    subprocess.Popen(  # noqa: S603 - our own interpreter and module
                        _command(plan),
                        env=worker_environment(self._settings),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let every worker finish what is on the wire, then end it."""
        self.stop()

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes, in the order of the plans."""
        return tuple(process.pid for process in self._processes)

    def check(self) -> None:
        """Raise RelayError, with the end of the log, if a worker has ended by itself."""
        for plan, process in zip(self._plans, self._processes, strict=True):
            if process.poll() is not None:
                tail = self._log.read_text(errors="replace")[-800:]
                raise RelayError(f"worker {plan.name} ended ({process.returncode}):\n{tail}")

    def stop(self) -> None:
        """TERM, wait for the wire, KILL what is left."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        timeouts = self._settings.connect_timeout_s + self._settings.read_timeout_s
        for process in self._processes:
            try:
                process.wait(timeouts + _GRACE_BEYOND_TIMEOUTS_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def worker_environment(settings: Settings) -> dict[str, str]:
    """Return the environment with every setting in it; secrets travel here, not in argv."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)
    }
    secret = settings.webhook_hash
    for name, value in settings.model_dump(mode="json", exclude_none=True).items():
        environment[f"{ENVIRONMENT_PREFIX}{name.upper()}"] = _as_text(value)
    if secret is not None:
        environment[f"{ENVIRONMENT_PREFIX}WEBHOOK_HASH"] = secret.get_secret_value()
    return environment


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return "[" + ",".join(f'"{entry}"' for entry in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _command(plan: WorkerPlan) -> list[str]:
    queues = ",".join(lane.value for lane in plan.lanes)
    options = f"-P threads -c {plan.concurrency} -Q {queues} -n {plan.name}@%h -l WARNING"
    return [
        *(sys.executable, "-m", "celery", "-A", "onport_worker.app", "worker"),
        *options.split(),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]
