"""Workers as child processes, for `up` and `demo`: with their settings, stopped by pid."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType

from pydantic import SecretStr

from onport_queue.clock import Clock, SystemClock
from onport_queue.errors import RelayError
from onport_queue.settings import CONFIG_VARIABLE, ENVIRONMENT_PREFIX, Settings
from onport_worker.embedded.leash import Leash
from onport_worker.embedded.restarts import RestartPolicy
from onport_worker.shutdown import GRACE_S

# A worker that is told to stop ends by itself before; see shutdown.py.
_STOPS_WITHIN_S = GRACE_S + 5.0
_HURRIES_WITHIN_S = 3.0
_RELAY = (sys.executable, "-P", "-m", "onport_worker.cli")
_CELERY = (sys.executable, "-P", "-m", "celery", "-A")


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """One worker process: its name, the queues it serves in order (lanes, or that of schedules),
    its threads, its Celery app."""

    name: str
    queues: Sequence[str]
    concurrency: int
    app: str = "onport_worker.app"


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """The gateway, in one process; it stops as a worker does."""

    port: int
    name: str = "gateway"


@dataclass(frozen=True, slots=True)
class BeatPlan:
    """A process that says which schedules are due."""

    name: str = "beat"


@dataclass(frozen=True, slots=True)
class AlertsPlan:
    """A process that tells the alert webhook what is wrong."""

    every_s: float = 5.0
    name: str = "alerts"


Plan = WorkerPlan | GatewayPlan | BeatPlan | AlertsPlan

WORKER_RESTARTS = RestartPolicy(
    first_pause=timedelta(seconds=1), longest_pause=timedelta(seconds=30)
)


class WorkerEndedError(RelayError):
    """A worker has ended by itself, and is not started again (any more)."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker ended by itself and is started again after a pause."""

    name: str
    status: int
    pause: timedelta


class Fleet:
    """Worker processes that are started and stopped together; each in a session of its own, so that
    Ctrl-C reaches the parent only and the order of stopping is ours.

    `environment` is what they have beside the settings.
    """

    def __init__(
        self,
        settings: Settings,
        plans: Sequence[Plan],
        log: Path,
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        restarts: RestartPolicy = WORKER_RESTARTS,
        clock: Clock | None = None,
    ) -> None:
        self._environment = {**worker_environment(settings), **environment}
        self._plans = plans
        self._log = log
        self._restarts = restarts
        self._clock = clock or SystemClock()
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Fleet":
        """Start all workers."""
        try:
            for plan in self._plans:
                self._workers.append(_Worker(plan, self._environment, self._log, self._clock))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let every worker finish what is on the wire, then end it; interrupted, end it at once."""
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self.stop_at_once()
        else:
            self.stop()

    @property
    def processes(self) -> tuple[subprocess.Popen[bytes], ...]:
        """The processes, in the order of the plans."""
        return tuple(worker.process for worker in self._workers)

    @property
    def pids(self) -> tuple[int, ...]:
        """Their ids."""
        return tuple(process.pid for process in self.processes)

    def check(self) -> None:
        """Raise WorkerEndedError, with the end of the log, if a worker has ended by itself."""
        for worker in self._workers:
            if worker.process.poll() is not None:
                raise self._gone(worker)

    def restart_ended(self) -> tuple[Ended, ...]:
        """Start again what has ended and has paused long enough; call it now and then.

        Returns:
            Those that have ended since the last call.

        Raises:
            WorkerEndedError: one ended more often in a row than its budget allows.
        """
        return tuple(ended for worker in self._workers if (ended := self._look_after(worker)))

    def stop(self) -> None:
        """TERM: what is on the wire is finished or released. Interrupted: released at once."""
        try:
            self._tell(signal.SIGTERM)
            self._await(_STOPS_WITHIN_S)
        except KeyboardInterrupt:
            self.stop_at_once()
            raise
        finally:
            self._end()

    def stop_at_once(self) -> None:
        """QUIT: what has no answer is released, for others or the next start to send again."""
        try:
            self._tell(signal.SIGQUIT)
            self._await(_HURRIES_WITHIN_S)
        finally:
            self._end()

    def _tell(self, number: signal.Signals) -> None:
        for worker in self._workers:
            worker.process.send_signal(number)

    def _await(self, seconds: float) -> None:
        ends_at = self._clock.monotonic_s() + seconds
        for worker in self._workers:
            # What has not ended by then is killed; its leases expire.
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, ends_at - self._clock.monotonic_s()))

    def _end(self) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def _look_after(self, worker: "_Worker") -> Ended | None:
        status = worker.process.poll()
        if status is None:
            return None
        now_s = self._clock.monotonic_s()
        if worker.restart_at_s is not None:
            if now_s >= worker.restart_at_s:
                worker.start()
            return None
        uptime = timedelta(seconds=now_s - worker.started_s)
        worker.deaths = self._restarts.deaths_in_row(worker.deaths, uptime=uptime)
        pause = self._restarts.pause(worker.deaths)
        if pause is None:
            raise self._gone(worker)
        worker.restart_at_s = now_s + pause.total_seconds()
        return Ended(worker.plan.name, status, pause)

    def _gone(self, worker: "_Worker") -> WorkerEndedError:
        tail = self._log.read_text(errors="replace")[-800:]
        return WorkerEndedError(
            f"worker {worker.plan.name} ended ({worker.process.returncode}):\n{tail}"
        )


class _Worker:
    """One worker process, and how often it has ended."""

    def __init__(self, plan: Plan, environment: Mapping[str, str], log: Path, clock: Clock) -> None:
        self.plan = plan
        self.deaths = 0
        self._environment = environment
        self._log = log
        self._clock = clock
        # A killed parent must not leave workers behind that serve with settings nobody sees.
        self._leash = Leash()
        self.start()

    def start(self) -> None:
        """Start the process."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command_of(self.plan),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                # It logs on the other one; what it says here is for who starts it by hand.
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                pass_fds=(self._leash.fd,),
            )
        self._leash.tie(self.process.pid)
        self.started_s = self._clock.monotonic_s()
        self.restart_at_s: float | None = None

    def end(self) -> None:
        """Kill what has not ended, and let go."""
        self.process.kill()
        self.process.wait()
        self._leash.drop()


def worker_environment(settings: Settings) -> dict[str, str]:
    """Return the environment with every setting in it; secrets travel here, not in argv."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)
    }
    # What is here is complete: a file that a worker found would only get in its way.
    environment[CONFIG_VARIABLE] = os.devnull
    for name, value in settings.model_dump(exclude_none=True).items():
        text = json.dumps(value, default=_plain)
        environment[f"{ENVIRONMENT_PREFIX}{name.upper()}"] = (
            json.loads(text) if text.startswith('"') else text
        )
    return environment


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def command_of(plan: Plan) -> list[str]:
    """Return how a process of the fleet is started."""
    match plan:
        case WorkerPlan():
            return worker_command(plan)
        case GatewayPlan(port):
            return [*_RELAY, "gateway", "--port", str(port)]
        case BeatPlan():
            return [*_CELERY, "onport_worker.app", "-q", "beat"]
        case AlertsPlan(every_s):
            return [*_RELAY, "alerts", "--every", str(every_s)]


def worker_command(plan: WorkerPlan) -> list[str]:
    """Return how a worker is started."""
    queues = ",".join(plan.queues)
    options = f"-P threads -c {plan.concurrency} -Q {queues} -n {plan.name}@%h"
    return [
        *(*_CELERY, plan.app, "-q", "worker"),
        *options.split(),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]
