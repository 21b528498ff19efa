"""Runs of schedules: begun once, watched while they last, recorded when they end."""

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from onport_producers.schedule import Report
from onport_queue.broker import may_pass
from onport_queue.clock import Clock, SystemClock
from onport_queue.log import Log
from onport_queue.runs import Begun, Outcome, Runs, Tally
from onport_queue.schedule import Schedule
from onport_queue.settings import AlertSettings, Settings
from onport_worker.embedded.leash import Leash
from onport_worker.fleet import worker_environment
from onport_worker.schedules.process import STOPS_WITHIN_S, report_of

_log = Log(__name__)

TERM = timedelta(seconds=30)
_RENEW_EVERY_S = 8.0
# Not renewed for so long, a run is ended: its lease goes to another one next.
_LAPSES_AFTER_S = TERM.total_seconds() - STOPS_WITHIN_S - 3.0
_LOOK_S = 0.1
_RECORD_EVERY_S = 1.0
_STANDARD_ERROR = 2


class Runner:
    """Runs schedules; thread-safe."""

    def __init__(
        self,
        settings: Settings,
        runs: Runs,
        *,
        is_stopped: Callable[[], bool],
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._runs = runs
        self._is_stopped = is_stopped
        self._clock = clock or SystemClock()

    def run(self, schedule: Schedule, tick: datetime | None) -> Report | None:
        """Run a tick, or by hand (None); nothing (None) if another run goes on, or it was run.

        Raises:
            redis.exceptions.RedisError: nothing was begun.
        """
        lease = secrets.token_hex(8)
        begun = self._runs.begin(schedule.name, tick, lease, term=TERM)
        if begun is not Begun.BEGUN:
            return None
        _log.info("schedule_began", schedule=schedule.name)
        report = self._watched(schedule, lease)
        self._record(schedule, lease, report)
        return report

    def _watched(self, schedule: Schedule, lease: str) -> Report:
        try:
            process = _Process(schedule, self._settings)
        except OSError as error:
            said = f"its process can't be started: {error.strerror}"
            return Report(Outcome.FAILED, Tally(), said, again=True)
        try:
            return self._watch(process, schedule, lease)
        finally:
            process.end()

    def _watch(self, process: "_Process", schedule: Schedule, lease: str) -> Report:
        began_s = renewed_s = self._clock.monotonic_s()
        next_s, told_s = renewed_s + _RENEW_EVERY_S, None
        never = threading.Event()
        while process.is_alive():
            now_s = self._clock.monotonic_s()
            if self._is_stopped() and told_s is None:
                process.stop()
                told_s = now_s
            if told_s is not None and now_s > told_s + STOPS_WITHIN_S:
                break
            if now_s - began_s > schedule.limit.total_seconds():
                return process.cut(
                    Outcome.FAILED, f"ended at its time_limit of {schedule.time_limit}"
                )
            if now_s >= next_s:
                next_s = now_s + _RENEW_EVERY_S
                renewed = self._renewed(schedule, lease, process.tally)
                if renewed is False:
                    return process.cut(Outcome.LOST, "its lease had expired")
                renewed_s = now_s if renewed else renewed_s
            if now_s - renewed_s > _LAPSES_AFTER_S:
                return process.cut(Outcome.FAILED, "the broker was away for long", again=True)
            self._clock.wait(never, _LOOK_S)
        if told_s is not None and process.report is None:
            return process.cut(Outcome.STOPPED, "did not end when told to", again=True)
        return process.ended()

    def _renewed(self, schedule: Schedule, lease: str, tally: Tally) -> bool | None:
        try:
            return self._runs.renew(schedule.name, lease, term=TERM, accepted=tally.accepted)
        except RedisError as error:
            _log.warning("schedule_not_renewed", schedule=schedule.name, error=type(error).__name__)
            return None

    def _record(self, schedule: Schedule, lease: str, report: Report) -> None:
        """Record the end, however long the broker is away; unless we are to stop."""
        never, last_s = threading.Event(), None
        while True:
            try:
                is_ours = self._runs.finish(
                    schedule.name,
                    lease,
                    report.outcome,
                    report.tally,
                    error=report.error,
                    again=report.again,
                )
            except RedisError as error:
                if not may_pass(error):
                    raise
                _log.warning(
                    "schedule_not_recorded", schedule=schedule.name, error=type(error).__name__
                )
            else:
                if not is_ours:
                    _log.warning("schedule_given_up", schedule=schedule.name)
                return
            if self._is_stopped():
                last_s = last_s or self._clock.monotonic_s() + _RECORD_EVERY_S
                if self._clock.monotonic_s() > last_s:
                    return  # the lease expires: lost, and run again
            self._clock.wait(never, _RECORD_EVERY_S)


class _Process:
    """The process of one run, and what it has told."""

    def __init__(self, schedule: Schedule, settings: Settings) -> None:
        self.tally = Tally()
        self.report: Report | None = None
        # A killed worker must not leave a run behind that puts while another one does.
        self._leash = Leash()
        reading, writing = os.pipe()
        command = [sys.executable, "-P", "-m", "onport_worker.schedules.process", schedule.name]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*command, str(writing)],
                env=worker_environment(_without_secrets(settings)),
                stdin=subprocess.DEVNULL,
                # What a shop's function prints stands among what it logs.
                stdout=_STANDARD_ERROR,
                pass_fds=(writing, self._leash.fd),
                start_new_session=True,
            )
        except BaseException:
            os.close(reading)
            self._leash.drop()
            raise
        finally:
            os.close(writing)
        self._leash.tie(self._process.pid)
        self._reader = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._reader.start()

    def is_alive(self) -> bool:
        """Whether it has not ended, or what it has told is not read yet."""
        return self._process.poll() is None or self._reader.is_alive()

    def stop(self) -> None:
        """Have it put what it has read, and end."""
        self._process.terminate()

    def cut(self, outcome: Outcome, error: str, *, again: bool = False) -> Report:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        return Report(outcome, self.tally, error, again)

    def ended(self) -> Report:
        """Return its report, once it has ended."""
        status = self._process.wait()
        return self.report or Report(
            Outcome.FAILED, self.tally, f"its process ended with {status}", again=True
        )

    def end(self) -> None:
        """Let go, whatever happened."""
        self._process.kill()
        self._process.wait()
        self._leash.drop()

    def _read(self, reading: int) -> None:
        # Cut off in the middle of a line it has said nothing.
        with os.fdopen(reading) as told, suppress(ValueError):
            for line in told:
                match report_of(line):
                    case Report() as report:
                        self.report, self.tally = report, report.tally
                    case Tally() as tally:
                        self.tally = tally


def _without_secrets(settings: Settings) -> Settings:
    """Return what a shop's function may know: it puts, and puts need no secret but Redis's."""
    none: dict[str, None] = {"webhook_hash": None, "webhook_hash_next": None}
    channels = {name: its.model_copy(update=none) for name, its in settings.channels.items()}
    others = {"channels": channels, "alerts": AlertSettings(), "page_token": None}
    return settings.model_copy(update=none | others)
