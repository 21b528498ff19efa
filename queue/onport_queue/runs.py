"""The runs of schedules: who may run a tick, and what became of each."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, field_validator
from redis import Redis

from onport_queue.names import DEFAULT_ACCOUNT
from onport_queue.replies import number, text
from onport_queue.scripts import Scripts
from onport_queue.settings import Settings

RUNS_KEPT = 100
"""Of each schedule; schedule.lua has the same figure."""


BEAT_KNOWN_FOR = timedelta(seconds=30)
"""How long after its last word a beat counts as being at work."""


class Outcome(StrEnum):
    """What became of a tick."""

    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """Told to stop: run again by whoever starts next."""
    LOST = "lost"
    """Its worker was killed, or had no broker for long: run again, three times at most."""
    SKIPPED = "skipped"
    """The run before it was still going on."""
    MISSED = "missed"
    """No worker had begun it when the next one came."""


class Begun(StrEnum):
    """Whether a run may begin."""

    BEGUN = "begun"
    BUSY = "busy"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Tally:
    """What has become of a run's items; of the accepted ones some are unchanged, and not sent."""

    accepted: int = 0
    unchanged: int = 0
    refused: int = 0
    warnings: int = 0
    spooled: int = 0


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    tick: datetime
    attempt: int = 1
    by_hand: bool = False
    began: datetime | None = None
    accepted: int = 0

    @field_validator("tick", "began", "ended", mode="before", check_fields=False)
    @classmethod
    def _from_ms(cls, value: Any) -> Any:
        return (
            datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int | float) else value
        )


class Due(_Record):
    """A tick that waits for a worker."""


class Running(_Record):
    """A run that goes on."""


class Run(_Record):
    """What became of a tick. `error` says why, without any payload."""

    outcome: Outcome
    ended: datetime
    unchanged: int = 0
    refused: int = 0
    warnings: int = 0
    spooled: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a schedule stands."""

    due: Due | None = None
    running: Running | None = None
    last: Run | None = None


class Runs:
    """The runs of one account's schedules; each method but `standing` is one atomic step.

    All raise redis.exceptions.RedisError.
    """

    def __init__(self, redis: Redis, account: str = DEFAULT_ACCOUNT) -> None:
        self._redis = redis
        self._base_key = f"onport-relay:{{{account}}}"
        self._scripts = Scripts(redis, self._base_key)

    @classmethod
    def of(cls, redis: Redis, settings: Settings) -> "Runs":
        """Return the runs that settings name."""
        return cls(redis, settings.account)

    def meet(self, schedule: str, timing: str, newest: datetime) -> None:
        """Make a schedule known; new or changed, it is due for the first time after `newest`."""
        self._run("meet", schedule, timing, _ms(newest))

    def tick(self, schedule: str, newest: datetime) -> datetime | None:
        """Take notice of the newest tick, and of runs that were lost.

        Any number of beats may call it as often as they like.

        Returns:
            The tick that a worker is to be told of now, if there is one.
        """
        due = text(self._run("tick", schedule, _ms(newest)))
        return datetime.fromtimestamp(int(due) / 1000, UTC) if due else None

    def begin(self, schedule: str, tick: datetime | None, lease: str, *, term: timedelta) -> Begun:
        """Begin the run of a tick, or one by hand (None), under a lease."""
        due = "" if tick is None else _ms(tick)
        return Begun(text(self._run("begin", schedule, due, lease, _whole_ms(term))))

    def renew(self, schedule: str, lease: str, *, term: timedelta, accepted: int) -> bool:
        """Keep a run; False if it was given up, and must end."""
        return number(self._run("renew", schedule, lease, _whole_ms(term), accepted)) == 1

    def finish(
        self,
        schedule: str,
        lease: str,
        outcome: Outcome,
        tally: Tally,
        *,
        error: str = "",
        again: bool = False,
    ) -> bool:
        """Record the end of a run; `again`: its tick is due again. False if it was given up."""
        facts = json.dumps(asdict(tally) | {"error": error})
        return number(self._run("finish", schedule, lease, outcome, int(again), facts)) == 1

    def note_beat(self, version: str) -> None:
        """Note that a beat is at work; known for `BEAT_KNOWN_FOR`."""
        self._redis.set(f"{self._base_key}:beat", version, px=BEAT_KNOWN_FOR)

    def beat(self) -> str | None:
        """Return the version of the beat that was noted last, or None if none is at work."""
        version = cast("bytes | None", self._redis.get(f"{self._base_key}:beat"))
        return None if version is None else version.decode()

    def history(self, schedule: str, limit: int = RUNS_KEPT) -> tuple[Run, ...]:
        """Return what became of a schedule's ticks, the newest first."""
        stored = cast(
            "list[bytes]", self._redis.lrange(f"{self._base_key}:runs:{schedule}", 0, limit - 1)
        )
        return tuple(Run.model_validate_json(run) for run in stored)

    def standing(self, schedule: str) -> Standing:
        """Return where a schedule stands."""
        stored = cast("bytes | None", self._redis.hget(f"{self._base_key}:schedules", schedule))
        state: Mapping[str, Any] = json.loads(stored) if stored else {}
        due, running = state.get("due"), state.get("run")
        return Standing(
            due=Due.model_validate(due) if due else None,
            running=Running.model_validate(running) if running else None,
            last=next(iter(self.history(schedule, 1)), None),
        )

    def _run(self, *arguments: str | int) -> Any:  # Any: what a script answers is read by callers
        return self._scripts.run("schedule", arguments)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _whole_ms(term: timedelta) -> int:
    return round(term.total_seconds() * 1000)
