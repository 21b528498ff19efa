"""A schedule: what is put into the queue, from where, and when."""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from onport_queue.cron import checked_cron
from onport_queue.durations import parsed_duration
from onport_queue.names import DEFAULT_CHANNEL, checked_name

FUNCTION_PREFIX = "python:"
_FUNCTION = re.compile(r"python:([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)", re.ASCII)
_WILDCARDS = frozenset("*?[")


class ScheduleKind(StrEnum):
    """What the items of a schedule's source are."""

    ACKNOWLEDGE = "acknowledge"
    DISCONNECT = "disconnect"
    PRODUCT = "product"
    SALE = "sale"
    SALE_UPDATE = "sale-update"


class Schedule(BaseModel):
    """One of the settings' `[[schedules]]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(description="What commands and logs call it.")
    kind: ScheduleKind = Field(description="What its source's items are.")
    source: str = Field(description="Files to consume, or python:package.module:function.")
    cron: str | None = Field(
        None, description="When: minute, hour, day of the month, month, day of the week."
    )
    every: str | None = Field(
        None, validate_default=True, description="Instead of cron: the time between two runs."
    )
    timezone: str = Field("UTC", description="Of the cron expression.")
    channel: str = Field(DEFAULT_CHANNEL, description="The custom channel of its items.")
    time_limit: str = Field("1h", description="How long a run may take.")
    enabled: bool = Field(default=True, description="Whether it runs by itself.")

    @property
    def interval(self) -> timedelta | None:
        """The time between two ticks; None if a cron expression says it."""
        return None if self.every is None else parsed_duration(self.every)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the cron expression."""
        return ZoneInfo(self.timezone)

    @property
    def limit(self) -> timedelta:
        """How long a run may take."""
        return parsed_duration(self.time_limit)

    @property
    def timing(self) -> str:
        """When it runs, for people, and to tell whether that was changed."""
        if not self.enabled:
            return "off"
        return f"every {self.every}" if self.every else f"cron {self.cron} {self.timezone}"

    @property
    def function(self) -> tuple[str, str] | None:
        """The module and the name of the function that yields the items; None: they are files."""
        found = _FUNCTION.fullmatch(self.source)
        return (found[1], found[2]) if found else None

    @field_validator("name")
    @classmethod
    def _name_is_one(cls, value: str) -> str:
        return checked_name("schedule", value)

    @field_validator("channel")
    @classmethod
    def _channel_is_a_name(cls, value: str) -> str:
        return checked_name("channel", value)

    @field_validator("cron")
    @classmethod
    def _cron_can_be_read(cls, value: str | None) -> str | None:
        return None if value is None else checked_cron(value)

    @field_validator("every")
    @classmethod
    def _is_due_in_one_way(cls, value: str | None, info: ValidationInfo) -> str | None:
        # A cron expression at fault is missing among the data: there was one.
        has_cron = info.data.get("cron", "") is not None
        if value is not None and has_cron:
            raise ValueError("cron and every exclude each other: expected one of them")
        if value is None and not has_cron:
            raise ValueError('missing: expected every = "5m" or cron = "0 3 * * *"')
        if value is not None:
            parsed_duration(value)
        return value

    @field_validator("time_limit")
    @classmethod
    def _limit_is_a_duration(cls, value: str) -> str:
        parsed_duration(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError(
                f"{value!r} is no time zone: expected a name such as UTC or Europe/Berlin"
            ) from None
        return value

    @field_validator("source")
    @classmethod
    def _source_is_one(cls, value: str) -> str:
        if value.startswith(FUNCTION_PREFIX):
            if not _FUNCTION.fullmatch(value):
                raise ValueError(f"{value!r}: expected python:package.module:function")
        elif not (name := PurePath(value).name) or name == ".." or value.endswith("/"):
            raise ValueError(f"{value!r}: expected files, e.g. /srv/shop/links-*.csv")
        elif _WILDCARDS & set(str(PurePath(value).parent)):
            raise ValueError(f"{value!r}: expected wildcards in the files' name only")
        return value


def told_apart(value: Any, validate: Callable[[Any], tuple[Schedule, ...]]) -> tuple[Schedule, ...]:
    """Validate schedules, and tell two of one name together with all other faults."""
    doubles = [
        InitErrorDetails(
            type=PydanticCustomError(
                "value_error", "{text}", {"text": f"{name!r}: another schedule has this name"}
            ),
            loc=(place, "name"),
            input=name,
        )
        for place, name in _doubles(value)
    ]
    try:
        schedules, faults = validate(value), list[InitErrorDetails]()
    except ValidationError as error:
        schedules, faults = (), [_again(fault) for fault in error.errors(include_url=False)]
    if faults or doubles:
        raise ValidationError.from_exception_data("schedules", [*faults, *doubles])
    return schedules


def _doubles(value: Any) -> list[tuple[int, str]]:
    entries = value if isinstance(value, list | tuple) else ()
    names = [
        entry.get("name") if isinstance(entry, dict) else getattr(entry, "name", None)
        for entry in entries
    ]
    return [
        (place, name)
        for place, name in enumerate(names)
        if isinstance(name, str) and name in names[:place]
    ]


def _again(fault: Any) -> InitErrorDetails:
    message = fault["msg"].removeprefix("Value error, ")
    error = PydanticCustomError(fault["type"], "{text}", {"text": message})
    return InitErrorDetails(type=error, loc=fault["loc"], input=None)
