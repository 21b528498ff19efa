"""The whole examination, in the order in which one thing explains the next."""

from collections.abc import Iterator

from redis import Redis

from onport_queue.clock import Clock
from onport_queue.errors import RelayError, SettingsError
from onport_queue.runs import Runs
from onport_queue.settings import Settings
from onport_queue.store import Queue
from onport_queue.told import RedisToldBook
from onport_worker.cli.configuration import embedded_url, opened_broker
from onport_worker.cli.doctor.account import account_findings
from onport_worker.cli.doctor.broker import broker_findings
from onport_worker.cli.doctor.endpoint import endpoint_findings, gateway_finding
from onport_worker.cli.doctor.finding import Ailment, Finding, fault, warning
from onport_worker.cli.doctor.host import (
    alert_finding,
    schedule_findings,
    settings_findings,
    spool_findings,
)
from onport_worker.cli.doctor.schedules import beat_findings


def examine(settings: Settings, clock: Clock, *, gateway: str | None) -> Iterator[Finding]:
    """Yield everything that can be found out; nothing is raised, and nothing is changed."""
    yield from settings_findings(settings)
    yield alert_finding(settings)
    yield from schedule_findings(settings)
    yield from spool_findings(settings, clock)
    yield from endpoint_findings(settings)
    if gateway is not None:
        yield gateway_finding(gateway)
    yield from _behind_the_broker(settings, clock)


def _behind_the_broker(settings: Settings, clock: Clock) -> Iterator[Finding]:
    try:
        url = settings.redis_url or embedded_url(settings)
    except SettingsError as error:
        yield fault(Ailment.SETTINGS_INVALID, str(error), "correct data_dir or its permissions")
        return
    if url is None:
        yield warning(
            Ailment.BROKER_MISSING,
            f"redis_url is not set, and no `up` runs in {settings.data_dir}",
            "start `onport-relay up`, or set ONPORT_RELAY_REDIS_URL",
        )
        return
    try:
        with opened_broker(settings.model_copy(update={"redis_url": url})) as redis:
            yield from broker_findings(redis, settings, clock)
            yield from _queues(redis, settings, clock)
            yield from beat_findings(Runs.of(redis, settings), settings, clock.wall())
    except RelayError as error:
        yield fault(
            Ailment.BROKER_UNREACHABLE,
            str(error),
            "start it; or see to redis_url, its password and the firewall",
        )


def _queues(redis: Redis, settings: Settings, clock: Clock) -> Iterator[Finding]:
    for name in settings.account_names:
        account = settings.for_account(name)
        told = RedisToldBook(redis, name)
        yield from account_findings(Queue.of(redis, account), told, account, clock.wall())
