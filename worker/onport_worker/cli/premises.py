"""The broker that `up` runs on: the one in the settings, or one of its own in the data folder."""

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onport_queue.broker import volatility
from onport_queue.errors import SettingsError, VolatileBrokerError
from onport_queue.settings import ENVIRONMENT_PREFIX, Settings
from onport_worker.cli.addresses import place_of
from onport_worker.cli.configuration import opened_broker
from onport_worker.embedded import EmbeddedBroker

ENVIRONMENT_FILE = "relay.env"


@dataclass(frozen=True, slots=True)
class Premises:
    """Where the relay runs: settings that name the broker, and how others find it."""

    settings: Settings
    broker: str
    environment_file: Path | None
    has_failed: Callable[[], bool]


@contextmanager
def opened_premises(settings: Settings) -> Iterator[Premises]:
    """Have a broker for as long as the context lasts.

    Raises:
        SettingsError: the data folder can't be used.
        VolatileBrokerError: the broker in the settings may forget, and allow_volatile is not set.
        BrokerUnavailableError, EmbeddedBrokerError: there is none.
    """
    home = settings.data_dir.absolute()
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"data_dir: {home} can't be made: {error.strerror}") from error
    if settings.redis_url is None:
        with _embedded(settings, home) as broker:
            yield _own(settings, home, broker)
    else:
        yield _given(settings)


@contextmanager
def _embedded(settings: Settings, home: Path) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(home, appendfsync=settings.appendfsync)
    try:
        broker.start()
    except OSError as error:
        raise SettingsError(f"data_dir: {home} can't be used: {error.strerror}") from error
    try:
        yield broker
    finally:
        broker.stop()


def _own(settings: Settings, home: Path, broker: EmbeddedBroker) -> Premises:
    file = home / ENVIRONMENT_FILE
    # Written aside and renamed: whoever reads it gets a whole one, and it never was for others.
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(f"{ENVIRONMENT_PREFIX}REDIS_URL={shlex.quote(broker.url)}\n")
    fresh.replace(file)
    return Premises(
        settings=settings.model_copy(update={"redis_url": broker.url}),
        broker=f"127.0.0.1:{broker.port}, its data in {home}",
        environment_file=file,
        has_failed=lambda: broker.failed,
    )


def _given(settings: Settings) -> Premises:
    with opened_broker(settings) as redis:
        faults = volatility(redis)
        redis.ping()
        place = place_of(redis)
    if faults and not settings.allow_volatile:
        raise VolatileBrokerError("\n".join(f"broker {place}: {fault}" for fault in faults))
    return Premises(settings, f"{place}, the one in the settings", None, lambda: False)
