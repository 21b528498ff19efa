"""What the broker is like: whether it may forget, has room, and tells the time as we do."""

from collections.abc import Iterator, Mapping
from typing import cast

from redis import Redis
from redis.exceptions import ResponseError

from onport_queue.broker import can_tell, volatility
from onport_queue.clock import Clock
from onport_queue.durations import spoken
from onport_queue.settings import Settings
from onport_worker.cli.addresses import place_of
from onport_worker.cli.doctor.finding import Ailment, Finding, Level, fault, warning, well

OLDEST_BROKER = (7, 0)
MOST_SKEW_S = 2.0
"""With a clock that is off by more, schedules are late or early, and times are shown wrong."""

_REFUSES_FROM = 0.85
_NEARLY = 0.75


def broker_findings(redis: Redis, settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Yield what the server says of itself.

    Raises:
        RedisError: it does not answer, or does not let us in.
    """
    redis.ping()
    yield well("broker", f"{place_of(redis)} answers")
    yield from _durability(redis, settings)
    try:
        about = cast("Mapping[str, object]", redis.info())
    except ResponseError:
        yield Finding(
            Level.CANNOT_TELL,
            Ailment.BROKER_SECRETIVE,
            "INFO is forbidden here: its version, role and memory can't be seen",
            "see to Redis 7.0 or Valkey 7.2 or newer, a primary, no cluster",
        )
    else:
        yield from server_findings(about)
    yield _clock(redis, clock)


def _durability(redis: Redis, settings: Settings) -> Iterator[Finding]:
    if not can_tell(redis):
        yield Finding(
            Level.CANNOT_TELL,
            Ailment.BROKER_SECRETIVE,
            "CONFIG is forbidden here: whether it may forget can't be seen",
            "see to appendonly yes, appendfsync always and maxmemory-policy noeviction",
        )
        return
    faults = volatility(redis)
    for one in faults:
        seen, _, advice = one.partition("; ")
        tell = warning if settings.allow_volatile else fault
        yield tell(Ailment(seen.split()[0]), seen, advice)
    if faults:
        return
    yield well("durability", "keeps a log on disk and evicts nothing")
    written = str(redis.config_get("appendfsync").get("appendfsync"))
    if written != "always":
        yield warning(
            Ailment.APPENDFSYNC,
            f"appendfsync is {written}: a power cut may lose the jobs of the last second or more",
            "set appendfsync always in redis.conf; for the embedded broker it is a setting",
        )


def server_findings(about: Mapping[str, object]) -> Iterator[Finding]:
    """Yield what is wrong with a server, by what its INFO says."""
    version = str(about.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST_BROKER:
        yield warning(
            Ailment.BROKER_OLD,
            f"the broker is of version {version}",
            "run Redis 7.0, Valkey 7.2 or newer",
        )
    if about.get("cluster_enabled") == 1:
        yield fault(
            Ailment.BROKER_CLUSTER,
            "the broker is a cluster, which wake-ups can't use",
            "set redis_url to a broker that is none",
        )
    if about.get("role") == "slave":
        yield fault(
            Ailment.BROKER_REPLICA,
            "the broker is a replica, which takes no jobs",
            "set redis_url to the primary",
        )
    yield from _memory(about)


def _memory(about: Mapping[str, object]) -> Iterator[Finding]:
    used, most = (float(str(about.get(name, 0))) for name in ("used_memory", "maxmemory"))
    if not most or used < _NEARLY * most:
        return
    tell = fault if used >= _REFUSES_FROM * most else warning
    yield tell(
        Ailment.MEMORY_NEARLY_FULL,
        f"{used / most:.0%} of the broker's maxmemory are used ({used / 1e6:,.0f} of "
        f"{most / 1e6:,.0f} MB); from {_REFUSES_FROM:.0%} on puts are refused",
        "raise maxmemory; or lower history_days, discard dead letters",
    )


def _clock(redis: Redis, clock: Clock) -> Finding:
    before_s, wall = clock.monotonic_s(), clock.wall()
    seconds, micros = redis.time()
    round_trip_s = clock.monotonic_s() - before_s
    ahead_s = wall.timestamp() + round_trip_s / 2 - (seconds + micros / 1e6)
    if abs(ahead_s) <= MOST_SKEW_S + round_trip_s / 2:
        return well("clock", f"within {MOST_SKEW_S:g} s of the broker's")
    return fault(
        Ailment.CLOCK_SKEW,
        f"this host's clock is {skewed(ahead_s)} the broker's",
        "let NTP set the clocks of both hosts (timedatectl set-ntp true)",
    )


def skewed(ahead_s: float) -> str:
    """Return how a clock goes, e.g. ``3 min 0 s behind``."""
    return f"{spoken(abs(ahead_s))} {'ahead of' if ahead_s > 0 else 'behind'}"
