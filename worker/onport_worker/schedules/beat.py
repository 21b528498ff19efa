"""The beat: `celery -A onport_worker.app beat`, as many of them as you like.

Celery's own scheduler remembers in a file when it has sent what, so that two of them send
everything twice. This one asks Redis, where a tick is taken notice of once.
"""

import sys
from typing import Any

from celery.beat import Scheduler
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from onport_producers.schedule import newest_tick, next_tick
from onport_queue.broker import connect
from onport_queue.clock import Clock, SystemClock
from onport_queue.errors import RelayError
from onport_queue.log import Log
from onport_queue.names import SCHEDULE_TASK, SCHEDULES_QUEUE
from onport_queue.runs import Runs
from onport_queue.schedule import Schedule
from onport_queue.settings import Settings, load_settings
from onport_worker import __version__
from onport_worker.runtime import broker_url

_log = Log(__name__)

LOOK_S = 1.0
"""Between two looks, at most: for runs that were lost, and workers to be told again."""

_BROKER_TIMEOUT_S = 2.5
_NOTED_EVERY_S = 10.0


class TickScheduler(Scheduler):
    """Says of every schedule's newest tick that it is due; Redis knows whether it was said."""

    clock: Clock = SystemClock()
    _is_failing = False
    _noted_s: float | None = None

    def setup_schedule(self) -> None:
        """Read the settings; Celery calls it before the first tick."""
        try:
            settings = load_settings()
            redis = connect(broker_url(settings), timeout_s=_BROKER_TIMEOUT_S)
        except RelayError as error:
            sys.stderr.write(f"onport-relay beat: {error}\n")
            raise SystemExit(2) from error
        self.begin(settings, Runs.of(redis, settings))

    @property
    def info(self) -> str:
        """What Celery's banner says of it."""
        return ""

    def tick(self, *_: Any, **__: Any) -> float:
        """Look at all schedules; return the seconds to the next look."""
        try:
            self._note()
            for schedule in list(self._unmet):
                newest = newest_tick(schedule, self.clock.wall())
                self._runs.meet(schedule.name, schedule.timing, newest)
                self._unmet.remove(schedule)
            for schedule in self._enabled:
                self._look_at(schedule)
        except RedisError as error:
            if not self._is_failing:
                _log.warning("broker_lost", error=type(error).__name__)
            self._is_failing = True
            return LOOK_S
        if self._is_failing:
            _log.warning("broker_back")
        self._is_failing = False
        return self._wait_s()

    def begin(self, settings: Settings, runs: Runs) -> None:
        """Take over schedules; each is met at the first tick that finds the broker."""
        self._runs = runs
        self._unmet = list(settings.schedules)
        self._enabled = [schedule for schedule in settings.schedules if schedule.enabled]
        _log.info("started", schedules=[schedule.name for schedule in self._enabled])

    def _note(self) -> None:
        # A write every second would be one more that a disk has to have.
        now_s = self.clock.monotonic_s()
        if self._noted_s is None or now_s - self._noted_s >= _NOTED_EVERY_S:
            self._runs.note_beat(__version__)
            self._noted_s = now_s

    def _look_at(self, schedule: Schedule) -> None:
        due = self._runs.tick(schedule.name, newest_tick(schedule, self.clock.wall()))
        if due is None:
            return
        try:
            self.app.send_task(
                SCHEDULE_TASK, (schedule.name, due.isoformat()), queue=SCHEDULES_QUEUE, retry=False
            )
        except (KombuError, RedisError, OSError) as error:
            # It is still due: a worker is told again in a few seconds.
            _log.warning("run_not_told", schedule=schedule.name, error=type(error).__name__)

    def _wait_s(self) -> float:
        now = self.clock.wall()
        nexts = [(next_tick(schedule, now) - now).total_seconds() for schedule in self._enabled]
        return min([LOOK_S, *nexts])
