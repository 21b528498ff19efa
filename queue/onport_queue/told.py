"""What somebody was told of, and when; in Redis, so that several processes tell it once."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict
from redis import Redis

from onport_queue.names import DEFAULT_ACCOUNT
from onport_queue.replies import array, number, text
from onport_queue.scripts import Scripts


class State(StrEnum):
    """What is told of an alert."""

    FIRING = "firing"
    """It has begun."""
    REPEATED = "repeated"
    """It still lasts."""
    RESOLVED = "resolved"
    """It is over."""


class Told(BaseModel):
    """What was told last of one alert; times of day in ms.

    Attributes:
        alert: what sort it is of.
        state: what was told.
        since_ms: when it began.
        at_ms: when it was taken to be told.
        sent: whether it was. If not, and that is long ago, whoever took it has failed.
        subject: ids and figures.
        problem: why it could not be told the last time; empty since it could be.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    alert: str
    state: State
    since_ms: int
    at_ms: int
    sent: bool = False
    subject: Mapping[str, str | int] = {}
    problem: str = ""


class ToldBook(Protocol):
    """Where it is written down what was told."""

    def read(self) -> Mapping[str, Told]:
        """Return all that is written down, by the alert's id."""

    def replace(self, alert_id: str, told: Told | None) -> bool:
        """Write something down, None to forget it; False if it is not as it was read any more."""


class RedisToldBook:
    """That of an account in Redis. All methods raise redis.exceptions.RedisError."""

    def __init__(self, redis: Redis, account: str = DEFAULT_ACCOUNT) -> None:
        self._scripts = Scripts(redis, f"onport-relay:{{{account}}}")
        self._as_read: dict[str, str] = {}

    def read(self) -> Mapping[str, Told]:
        """Return all that is written down, by the alert's id."""
        flat = [text(part) for part in array(self._scripts.run("alerts", ("read",)))]
        self._as_read = dict(zip(flat[::2], flat[1::2], strict=True))
        return {
            alert_id: Told.model_validate_json(found) for alert_id, found in self._as_read.items()
        }

    def replace(self, alert_id: str, told: Told | None) -> bool:
        """Write something down, None to forget it; False if it is not as it was read any more."""
        before, after = self._as_read.get(alert_id, ""), told.model_dump_json() if told else ""
        done = number(self._scripts.run("alerts", ("replace", alert_id, before, after))) == 1
        if done:
            self._as_read[alert_id] = after
        return done


class MemoryToldBook:
    """One that a process has for itself."""

    def __init__(self, told: Mapping[str, Told] | None = None) -> None:
        self._told = dict(told or {})

    def read(self) -> Mapping[str, Told]:
        """Return all that is written down, by the alert's id."""
        return dict(self._told)

    def replace(self, alert_id: str, told: Told | None) -> bool:
        """Write something down, None to forget it."""
        if told is None:
            self._told.pop(alert_id, None)
        else:
            self._told[alert_id] = told
        return True
