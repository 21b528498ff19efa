"""What `check` finds out, each a line."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from onport_producers.schedule import SourceError, check_source
from onport_producers.spool import Spool
from onport_queue.broker import can_tell, volatility
from onport_queue.clock import SystemClock
from onport_queue.errors import RelayError, SettingsError, SpoolError
from onport_queue.names import DEFAULT_ACCOUNT, DEFAULT_CHANNEL
from onport_queue.settings import ENVIRONMENT_PREFIX, Settings
from onport_queue.store import Queue
from onport_worker.cli.addresses import endpoint_of, place_of
from onport_worker.cli.configuration import embedded_url, opened_broker
from onport_worker.cli.persistence import doubts
from onport_worker.cli.spool import holds

OLDEST_BROKER = (7, 0)


class Level(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    CANNOT_TELL = "cannot tell"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, and what is the matter."""

    level: Level
    subject: str
    text: str


def settings_faults(error: SettingsError) -> Iterator[Finding]:
    """Yield what is wrong with settings that could not be read."""
    for line in str(error).splitlines():
        subject, _, text = line.partition(": ")
        yield Finding(Level.FAULT, subject if text else "settings", text or line)


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what can be said without a broker."""
    for name in settings.account_names:
        account = settings.for_account(name)
        yield Finding(Level.OK, "settings", f"account {name}, {account.rate:g} requests/s")
        of = "" if name == settings.account else f" for account {name}"
        yield Finding(Level.OK, "base_url", f"{endpoint_of(account.base_url)}{of}")
    for channel in settings.channel_names:
        of, variable = "", "WEBHOOK_HASH"
        if channel != DEFAULT_CHANNEL:
            of, variable = f" of channel {channel}", f"CHANNELS__{channel.upper()}__WEBHOOK_HASH"
        if settings.hashes_of(channel):
            yield Finding(Level.OK, "webhook_hash", f"set{of}")
        else:
            missing = (
                f"not set{of}; workers and `up` need {ENVIRONMENT_PREFIX}{variable}, "
                "who only sends does not"
            )
            yield Finding(Level.WARNING, "webhook_hash", missing)


def alert_findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether somebody is told when something is wrong."""
    if settings.alerts.webhook_url:
        yield Finding(Level.OK, "alerts.webhook_url", "set (`onport-relay alerts --test` tries it)")
    else:
        missing = "not set: nobody is told when a sale is dead, or a channel is paused"
        yield Finding(Level.WARNING, "alerts.webhook_url", missing)


def spool_findings(settings: Settings) -> Iterator[Finding]:
    """Yield where a producer of this host would keep its puts, and what waits there."""
    if settings.spool_mb == 0:
        yield Finding(Level.OK, "spool", "off (spool_mb = 0): while Redis is away puts are refused")
        return
    path = settings.spool_file
    yield from (Finding(Level.WARNING, "spool", doubt) for doubt in doubts(path))
    for name in settings.account_names:
        yield from _spooled(settings.for_account(name))


def _spooled(settings: Settings) -> Iterator[Finding]:
    spool = Spool.of(settings, SystemClock())
    try:
        contents = spool.contents()
    except SpoolError as error:
        yield Finding(Level.FAULT, "spool", str(error).removeprefix("spool "))
        return
    if contents.refused:
        many, why = contents.refused_puts, contents.refused[0].reason
        what = f"refused and set aside: {many:,}, the first for {why} (onport-relay spool status)"
        yield Finding(Level.WARNING, "spool", what)
    level = Level.WARNING if contents.puts else Level.OK
    of = "" if settings.account == DEFAULT_ACCOUNT else f" for account {settings.account}"
    yield Finding(level, "spool", f"{spool.path} holds {holds(contents)}{of}")


def schedule_findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether each schedule's source is there; imports the functions' modules."""
    for schedule in settings.schedules:
        subject = f"schedule {schedule.name}"
        try:
            check_source(schedule)
        except SourceError as error:
            yield Finding(Level.FAULT, subject, str(error))
        else:
            yield Finding(Level.OK, subject, f"{schedule.timing}, {schedule.source}")


def broker_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what the broker is like; nothing is raised."""
    try:
        if settings.redis_url is None:
            found = embedded_url(settings)
            if found is None:
                yield Finding(
                    Level.WARNING,
                    "redis_url",
                    f"not set; `up` will embed a broker in {settings.data_dir}, "
                    "everything else needs one",
                )
                return
            settings = settings.model_copy(update={"redis_url": found})
        with opened_broker(settings) as redis:
            yield _answering(redis)
            yield from _durability(redis, settings)
            yield from _server(redis)
            yield from _queue(redis, settings)
    except RelayError as error:
        subject, _, text = str(error).partition(": ")
        yield Finding(Level.FAULT, subject, text)


def _answering(redis: Redis) -> Finding:
    redis.ping()
    return Finding(Level.OK, "broker", f"{place_of(redis)} answers")


def _durability(redis: Redis, settings: Settings) -> Iterator[Finding]:
    if not can_tell(redis):
        yield Finding(
            Level.CANNOT_TELL,
            "durability",
            "CONFIG is forbidden here; see to appendonly yes and maxmemory-policy noeviction",
        )
        return
    faults = volatility(redis)
    for fault in faults:
        level = Level.WARNING if settings.allow_volatile else Level.FAULT
        yield Finding(level, "durability", fault)
    if faults:
        return
    yield Finding(Level.OK, "durability", "keeps a log on disk and evicts nothing")
    if redis.config_get("appendfsync").get("appendfsync") != "always":
        yield Finding(
            Level.WARNING,
            "appendfsync",
            "not always: a power cut may lose the jobs of the last second or more",
        )


def _server(redis: Redis) -> Iterator[Finding]:
    try:
        about = cast("dict[str, object]", redis.info())
    except ResponseError:
        yield Finding(Level.CANNOT_TELL, "version", "INFO is forbidden here")
        return
    version = str(about.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST_BROKER:
        yield Finding(
            Level.WARNING, "version", f"{version}; Redis 7.0, Valkey 7.2 or newer is expected"
        )
    if about.get("cluster_enabled") == 1:
        yield Finding(Level.FAULT, "cluster", "wake-ups need a broker that is not a cluster")
    if about.get("role") == "slave":
        yield Finding(Level.FAULT, "role", "this is a replica, expected the primary")


def _queue(redis: Redis, settings: Settings) -> Iterator[Finding]:
    for name in settings.account_names:
        yield from _account(redis, settings.for_account(name))


def _account(redis: Redis, settings: Settings) -> Iterator[Finding]:
    try:
        stats = Queue.of(redis, settings).stats()
    except RedisError as error:
        yield Finding(Level.FAULT, "queue", f"our scripts can't run: {error}")
        return
    if stats.imbalance:
        yield Finding(Level.FAULT, "ledger", f"imbalance {stats.imbalance:,}, expected 0")
    held = f"{stats.unfinished:,} jobs to deliver, {stats.dead:,} dead"
    if settings.account != DEFAULT_ACCOUNT:
        held = f"account {settings.account}: {held}"
    yield Finding(Level.OK, "queue", f"{held}; workers at work: {len(stats.workers) or 'none'}")
