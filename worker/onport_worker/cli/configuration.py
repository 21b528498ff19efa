"""The settings of one invocation, and the broker they lead to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from redis import Redis
from redis.exceptions import RedisError

from onport_queue.broker import connect, unreachable
from onport_queue.errors import BrokerUnavailableError, NewerFormatError, SettingsError
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue
from onport_worker.embedded import running_url
from onport_worker.runtime import broker_url


@dataclass(frozen=True, slots=True)
class Selection:
    """What the options before the command say: the settings file, and which account."""

    config: Path | None = None
    account: str | None = None


def settings_of(context: typer.Context, *, data_dir: Path | None = None) -> Settings:
    """Return the settings, as --config, the environment and the command's options say.

    Raises:
        SettingsError: one line per fault.
    """
    selection: Selection = context.obj
    if data_dir is not None:
        return load_settings(selection.config, data_dir=data_dir)
    return load_settings(selection.config)


def account_settings_of(context: typer.Context, *, channel: str | None = None) -> Settings:
    """Return the settings of the account that a command is about.

    That is the one of --account, else that of the channel, else the relay's own.

    Raises:
        SettingsError: one line per fault; or there is no such account.
    """
    selection: Selection = context.obj
    settings = settings_of(context)
    account = selection.account or settings.account
    if selection.account is None and channel in settings.channels:
        account = settings.account_of(channel)
    return settings.for_account(account)


def all_account_settings_of(context: typer.Context) -> tuple[Settings, ...]:
    """Return the settings of the account of --account, else of every account.

    Raises:
        SettingsError: one line per fault; or there is no such account.
    """
    selection: Selection = context.obj
    settings = settings_of(context)
    names = settings.account_names if selection.account is None else (selection.account,)
    return tuple(settings.for_account(name) for name in names)


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
        NewerFormatError: a newer release has written the queue.
        SettingsError: no broker is named.
    """
    with connect(broker_url(settings)) as redis:
        try:
            yield redis
        except NewerFormatError:
            raise
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
