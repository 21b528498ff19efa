"""The Celery app: `celery -A onport_worker.app worker -P threads -Q high,low`.

Schedules: a worker with `-Q schedules`, and `celery -A onport_worker.app beat`.

Celery runs the work: processes, pools, queues, warm shutdown. Its messages say "there is work"; the
jobs are in the queue. Importing this reads nothing; the settings are read when a worker starts.
"""

import gc
import logging
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from celery import Celery, bootsteps, signals
from celery.worker import state
from kombu import Queue as CeleryQueue
from redis.exceptions import RedisError

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_queue.errors import BrokerUnavailableError, RelayError, SettingsError
from onport_queue.log import Log, frames_of
from onport_queue.names import (
    CELERY_KEY_PREFIX,
    DRAIN_TASK,
    SCHEDULE_TASK,
    SCHEDULES_QUEUE,
    Lane,
)
from onport_queue.runs import Runs
from onport_queue.settings import Settings, load_settings
from onport_worker import __version__
from onport_worker.logs import configure
from onport_worker.runtime import Runtime, broker_url, release_all, served_accounts
from onport_worker.schedules.runner import Runner
from onport_worker.schedules.telling import tell_end
from onport_worker.shutdown import Shutdown
from onport_worker.steps import Steps, unobserved
from onport_worker.telemetry.metrics import Metrics
from onport_worker.telemetry.server import serve_metrics

app = Celery("onport_relay", set_as_current=False)
_log = Log(__name__)
_BROKER_LOOK_S = 0.5
_BROKER_TIMEOUT_S = 2.5
_running: dict[str, Runtime] = {}
_ending: dict[str, Shutdown] = {}
_runners: dict[str, Runner] = {}
_stopping = threading.Event()


@cache
def _settings() -> Settings:
    # Celery asks for its configuration before anything of ours runs that could catch this.
    try:
        settings = load_settings()
        broker_url(settings)
    except SettingsError as error:
        sys.stderr.write(f"onport-relay: {error}\n")
        raise SystemExit(2) from error
    return settings


def _configuration() -> dict[str, Any]:
    # What each of these avoids was measured; see docs/decisions.
    return {
        "broker_url": broker_url(_settings()),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A broker whose disk or memory is full refuses for a while; by default the worker exits.
        "broker_channel_error_retry": True,
        "broker_transport_options": {
            "queue_order_strategy": "priority",
            "priority_steps": [0],
            "global_keyprefix": CELERY_KEY_PREFIX,
            # Without these a half-open connection is never noticed.
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 5,
            "visibility_timeout": 60,
        },
        "task_queues": [CeleryQueue(name) for name in (*Lane, SCHEDULES_QUEUE)],
        "task_default_queue": Lane.LOW.value,
        "task_create_missing_queues": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        # A wake-up is not worth keeping: the look replaces a lost one within a second.
        "task_acks_late": False,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_enable_remote_control": False,
        "worker_consumer": "onport_worker.consumer:PromptConsumer",
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "beat_scheduler": "onport_worker.schedules.beat:TickScheduler",
    }


app.add_defaults(_configuration)


@app.task(name=DRAIN_TASK, ignore_result=True)
def drain(account: str, lane: str) -> None:
    """Work one shift for a lane of an account, if this worker serves it."""
    runtime = _running.get(account)
    if runtime is None:
        return
    try:
        runtime.drain(Lane(lane))
    except Exception as error:  # noqa: BLE001 - Celery would log its text, which may quote a payload
        name, at = type(error).__name__, frames_of(error)
        _log.error("drain_failed", account=account, lane=lane, error=name, at=at)


@app.task(name=SCHEDULE_TASK, ignore_result=True)
def run_schedule(name: str, tick: str) -> None:
    """Run a schedule's tick, unless that was done; the run is a process of its own."""
    runner = _runners.get("worker")
    schedule = next((one for one in _settings().schedules if one.name == name), None)
    if runner is None or schedule is None:
        _log.warning("schedule_unknown", schedule=name)
        return
    try:
        report = runner.run(schedule, datetime.fromisoformat(tick))
    except RedisError as error:
        # Not begun: it is still due, and the beat tells a worker again. Not recorded: it is lost.
        _log.warning("schedule_broker_failed", schedule=name, error=type(error).__name__)
        return
    except Exception as error:  # noqa: BLE001 - as above
        _log.error("run_crashed", schedule=name, error=type(error).__name__, at=frames_of(error))
        return
    if report is not None:
        tell_end(_log, name, report)


class RelayStep(bootsteps.StartStopStep):
    """Starts the runtime before the worker consumes."""

    requires = ("celery.worker.components:Pool",)
    steps: Steps = staticmethod(unobserved)

    def start(self, parent: Any) -> None:
        """Build and start the runtime; refuse a broker that may forget."""
        lanes = [lane for lane in Lane if lane.value in parent.app.amqp.queues.consume_from]
        try:
            served = served_accounts(_settings())
            metrics = Metrics()
            serve_metrics(_settings(), metrics.registry())
            share = max(1, parent.concurrency // len(served))
            runtimes = {
                each.account: self._built(each, lanes, parent.hostname, share, metrics)
                for each in served
            }
        except RelayError as error:
            sys.stderr.write(f"onport-relay worker: {error}\n")
            raise SystemExit(2) from error
        for runtime in runtimes.values():
            runtime.start()
        _running.update(runtimes)
        url = broker_url(_settings())
        runs = Runs.of(connect(url, timeout_s=_BROKER_TIMEOUT_S), _settings())
        _runners["worker"] = Runner(_settings(), runs, is_stopped=_stopping.is_set)
        _ending["worker"] = Shutdown(_begin_stop, _release)
        _ending["worker"].listen()
        _ending["worker"].hear_signals()
        serves = sorted(parent.app.amqp.queues.consume_from)
        _log.info("started", version=__version__, queues=serves, accounts=sorted(runtimes))

    def _built(
        self, settings: Settings, lanes: Sequence[Lane], name: str, share: int, metrics: Metrics
    ) -> Runtime:
        """Return a runtime, however long the broker is away: Celery waits for it as well."""
        clock, never, told = SystemClock(), threading.Event(), False
        while True:
            try:
                return Runtime(
                    settings,
                    lanes,
                    name,
                    share=share,
                    steps=self.steps,
                    observer=metrics.of(settings.account),
                )
            except BrokerUnavailableError as error:
                if not told:
                    _log.warning("broker_awaited", account=settings.account, error=str(error))
                told = True
            state.maybe_shutdown()  # a TERM that was heard meanwhile
            clock.wait(never, _BROKER_LOOK_S)


app.steps["worker"].add(RelayStep)


def _begin_stop() -> None:
    if not _stopping.is_set():
        _log.info("stopping")
    _stopping.set()
    state.should_stop = 0  # type: ignore[assignment]  # its types know only what it is at first
    for runtime in list(_running.values()):
        runtime.begin_stop()


def _release() -> bool:
    return release_all(list(_running.values()))


@signals.celeryd_init.connect(weak=False)
def _begin(sender: str, **_: Any) -> None:
    _log_as(sender.partition("@")[0])


@signals.setup_logging.connect(weak=False)
def _set_up_logging(**_: Any) -> None:
    # Celery leaves logging alone because of this: what its -l and -f say is not used.
    if not logging.getLogger().handlers:  # what is no worker is a beat
        _log_as("beat")


def _log_as(process: str) -> None:
    try:
        configure(_settings(), process)
    except RelayError as error:
        sys.stderr.write(f"onport-relay {process}: {error}\n")
        raise SystemExit(2) from error


@signals.worker_ready.connect(weak=False)
def _look(**_: Any) -> None:
    # What was imported lives as long as the process. Looking through it for cycles would stop all
    # threads for some 100 ms: at 300 requests/s for thirty tokens.
    gc.collect()
    gc.freeze()
    for runtime in _running.values():
        runtime.begin_looking()
    _log.info("ready")


@signals.worker_shutdown.connect(weak=False)
def _stop(**_: Any) -> None:
    # Sent when the pool has finished its tasks; a bootstep's own stop would come before that.
    if not _running:
        return
    _begin_stop()
    while _running:
        _running.popitem()[1].stop()
    _ending.pop("worker").done()
    _log.info("stopped")
