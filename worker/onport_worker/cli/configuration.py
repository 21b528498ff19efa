"""The settings of one invocation, and the broker they lead to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from redis import Redis
from redis.exceptions import RedisError

from onport_queue.broker import connect, unreachable
from onport_queue.errors import BrokerUnavailableError, SettingsError
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue
from onport_worker.embedded import running_url
from onport_worker.runtime import broker_url


def settings_of(context: typer.Context, *, data_dir: Path | None = None) -> Settings:
    """Return the settings, as --config, the environment and the command's options say.

    Raises:
        SettingsError: one line per fault.
    """
    config: Path | None = context.obj
    if data_dir is not None:
        return load_settings(config, data_dir=data_dir)
    return load_settings(config)


def with_broker(settings: Settings) -> Settings:
    """Return settings that name a broker: their own, or the one that `up` runs in the data folder.

    Raises:
        SettingsError: there is neither.
    """
    if settings.redis_url is not None:
        return settings
    found = embedded_url(settings)
    if found is None:
        raise SettingsError(
            f"redis_url: missing, and no `onport-relay up` runs in {settings.data_dir}; "
            "set ONPORT_RELAY_REDIS_URL, or start one"
        )
    return settings.model_copy(update={"redis_url": found})


def embedded_url(settings: Settings) -> str | None:
    """Return the address of the broker that works in the data folder now, or None."""
    try:
        return running_url(settings.data_dir)
    except OSError as error:
        raise SettingsError(
            f"data_dir: {settings.data_dir} can't be read: {error.strerror}"
        ) from error


@contextmanager
def opened_broker(settings: Settings) -> Iterator[Redis]:
    """Open a client for as long as the context lasts.

    Raises:
        BrokerUnavailableError: it can't be reached, or refuses.
        SettingsError: no broker is named.
    """
    with connect(broker_url(settings)) as redis:
        try:
            yield redis
        except RedisError as error:
            raise BrokerUnavailableError(unreachable(redis, error)) from error


@contextmanager
def opened_queue(settings: Settings) -> Iterator[Queue]:
    """Open the account's queue for as long as the context lasts.

    Raises:
        BrokerUnavailableError: the broker can't be reached, or refuses.
        SettingsError: no broker is named.
    """
    with opened_broker(settings) as redis:
        yield Queue.of(redis, settings)
