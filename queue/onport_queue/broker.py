"""Reaching Redis, and whether it may be trusted not to forget."""

from collections.abc import Mapping
from typing import cast

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    ClusterDownError,
    InvalidResponse,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from onport_queue.errors import BrokerUnavailableError, NewerFormatError

# The log can't be written, too few replicas follow, a script takes long.
_PASSING = ("MISCONF", "NOREPLICAS", "BUSY")
# redis-py's word before what went wrong in a pipeline, and Redis's own behind an unknown command.
_QUOTED_BEFORE, _QUOTED_BEHIND = " of pipeline caused error: ", ", with args beginning with"
_ADVICE = "set it in redis.conf (config/redis.conf shows how), or set allow_volatile"


def connect(url: str, *, timeout_s: float = 5.0, retries: int = 3) -> Redis:
    """Return a thread-safe client. Nothing is sent yet.

    Args:
        url: the broker.
        timeout_s: bound of one command.
        retries: how often a command whose connection broke is repeated, unseen by the caller.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=min(timeout_s, 2.0),
        socket_keepalive=True,
        health_check_interval=15,
        # redis-py's own default is ten, which no bound of ours would survive.
        retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.5), retries),
        client_name="onport-relay",
    )


def volatility(redis: Redis) -> list[str]:
    """Return what makes a broker forget, one line per fault; nothing where CONFIG is forbidden.

    Raises:
        BrokerUnavailableError: if it can't be reached.
    """
    try:
        config = {
            key: value
            for name in ("appendonly", "maxmemory", "maxmemory-policy")
            for key, value in cast("Mapping[str, str]", redis.config_get(name)).items()
        }
    except ResponseError:
        return []
    except RedisError as error:
        raise BrokerUnavailableError(unreachable(redis, error)) from error
    faults = []
    if _text(config, "appendonly") != "yes":
        faults.append(f"appendonly is not yes: a restart forgets every job; {_ADVICE}")
    policy = _text(config, "maxmemory-policy")
    if policy != "noeviction":
        faults.append(
            f"maxmemory-policy is {policy}: full memory drops jobs; expected noeviction; {_ADVICE}"
        )
    return faults


def may_pass(error: RedisError) -> bool:
    """Return whether the broker may take the same call later: it is away, full, or read-only.

    Or it has a queue that a newer release has written, and takes the call from an upgraded one.

    False: it answers that the call itself is wrong.
    """
    if isinstance(error, RedisConnectionError | RedisTimeoutError):
        return True
    if isinstance(error, OutOfMemoryError | ReadOnlyError | ClusterDownError | NewerFormatError):
        return True
    return isinstance(error, ResponseError) and reason(error).startswith(_PASSING)


def can_tell(redis: Redis) -> bool:
    """Return whether CONFIG may be asked."""
    try:
        redis.config_get("appendonly")
    except ResponseError:
        return False
    return True


def unreachable(redis: Redis, error: RedisError) -> str:
    """Say which broker can't be reached, and why; without its password."""
    options = redis.connection_pool.connection_kwargs
    place = options.get("path") or f"{options.get('host', '?')}:{options.get('port', '?')}"
    return f"broker {place}: {reason(error)}"


def reason(error: RedisError) -> str:
    """Return what an error says, without what some of them quote: of a call, or of an answer."""
    if isinstance(error, InvalidResponse):
        return type(error).__name__
    said = str(error).rpartition(_QUOTED_BEFORE)[2]
    return said.partition(_QUOTED_BEHIND)[0]


def _text(config: Mapping[str, str], name: str) -> str:
    found = {_decoded(key): _decoded(value) for key, value in config.items()}
    return found.get(name, "")


def _decoded(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text
