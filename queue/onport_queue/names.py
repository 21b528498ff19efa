"""Names that more than one part of the relay spells: lanes, kinds, the Celery task, its queues."""

import re
from enum import StrEnum

DRAIN_TASK = "onport_relay.drain"
"""The Celery task that is told "there is work": drain(account, lane)."""

SCHEDULE_TASK = "onport_relay.run_schedule"
"""The Celery task that is told "a run is due": run_schedule(schedule, tick)."""

SCHEDULES_QUEUE = "schedules"
"""Its Celery queue: a run must not take a thread that delivers."""

CELERY_KEY_PREFIX = "onport-relay:celery:"
"""Before each Redis key of our wake-ups: a shop may have queues `high` and `low` of its own."""

FIGURES_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The folder where processes of one host add up what they count. The name is prometheus-client's,
which reads it when it is imported."""

DEFAULT_ACCOUNT = "default"
DEFAULT_CHANNEL = "default"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class Lane(StrEnum):
    """The two lanes; each is also the name of a Celery queue."""

    HIGH = "high"
    LOW = "low"


class Kind(StrEnum):
    """What a job delivers; one endpoint each."""

    SALE = "sale"
    PRODUCT = "product"
    ACKNOWLEDGE = "acknowledge"
    DISCONNECT = "disconnect"

    @property
    def family(self) -> str:
        """The first part of a job's key: both wishes about a variant's links share one."""
        return "variant" if self in (Kind.ACKNOWLEDGE, Kind.DISCONNECT) else self.value


def job_key(kind: Kind, channel: str, key: str) -> str:
    """Return the queue-wide key of a job, e.g. ``sale:default:1001``."""
    return f"{kind.family}:{channel}:{key}"


def checked_name(what: str, value: str) -> str:
    """Return the name of an account or a channel if it may stand in a Redis key.

    Raises:
        ValueError: naming what, the value and the allowed form.
    """
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{what} {value!r} is no name: expected up to 63 of a-z, 0-9, - and _, "
            "starting with a letter or a digit"
        )
    return value
