"""What can be said of this host alone: its settings, its spool, the sources of its schedules."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from onport_producers.schedule import SourceError, check_source
from onport_producers.spool import Contents, Spool
from onport_queue.clock import Clock
from onport_queue.errors import SettingsError, SpoolError
from onport_queue.names import DEFAULT_CHANNEL
from onport_queue.settings import ENVIRONMENT_PREFIX, Settings
from onport_worker.cli.addresses import endpoint_of
from onport_worker.cli.doctor.finding import (
    Ailment,
    Finding,
    fault,
    of_account,
    warning,
    well,
    with_account,
)
from onport_worker.cli.persistence import doubts, nearest_folder
from onport_worker.cli.spool import holds

_LEFT_OVER_S = 300
_MEGABYTE = 1_000_000


def settings_faults(error: SettingsError) -> Iterator[Finding]:
    """Yield what is wrong with settings that could not be read."""
    for line in str(error).splitlines():
        yield fault(
            Ailment.SETTINGS_INVALID, line, "correct it in relay.toml or in the environment"
        )


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what the settings say."""
    for name in settings.account_names:
        account = settings.for_account(name)
        yield well("settings", f"account {name}, {account.rate:g} requests/s")
        yield well("base_url", of_account(name, endpoint_of(account.base_url)))
    for channel in settings.channel_names:
        of, variable = "", "WEBHOOK_HASH"
        if channel != DEFAULT_CHANNEL:
            of, variable = f" of channel {channel}", f"CHANNELS__{channel.upper()}__WEBHOOK_HASH"
        if settings.hashes_of(channel):
            yield well("webhook_hash", f"set{of}")
        else:
            yield warning(
                Ailment.HASH_MISSING,
                f"no webhook hash is set{of}; workers and `up` need it, who only puts does not",
                f"set {ENVIRONMENT_PREFIX}{variable}",
            )


def alert_finding(settings: Settings) -> Finding:
    """Return whether somebody is told when something is wrong."""
    if settings.alerts.webhook_url:
        return well("alerts", "a webhook is set; `onport-relay alerts --test` tries it")
    return well("alerts", "off: nobody is told; alerts.webhook_url turns them on")


def schedule_findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether each schedule's source is there; imports the functions' modules."""
    for schedule in settings.schedules:
        try:
            check_source(schedule)
        except SourceError as error:
            yield fault(
                Ailment.SOURCE_MISSING,
                f"schedule {schedule.name}: {error}",
                "make it, or correct the schedule's source",
            )
        else:
            yield well(f"schedule {schedule.name}", f"{schedule.timing}, {schedule.source}")


def spool_findings(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Yield where a producer of this host would keep its puts, and what waits there."""
    if settings.spool_mb == 0:
        yield well("spool", "off (spool_mb = 0): while Redis is away puts are refused")
        return
    path = settings.spool_file
    for doubt in doubts(path):
        yield warning(
            Ailment.SPOOL_DOUBTFUL, doubt, "set spool_path to a folder on a disk that persists"
        )
    used = 0
    for name in settings.account_names:
        spool = Spool.of(settings.for_account(name), clock)
        try:
            contents = spool.contents()
        except SpoolError as error:
            yield fault(
                Ailment.SPOOL_BROKEN,
                str(error).removeprefix("spool "),
                "correct spool_path or its permissions; a damaged one: docs/operations.md",
            )
            return
        used = contents.file_bytes
        yield from _spooled(name, path, contents, clock)
    yield from _room(path, settings.spool_mb * _MEGABYTE - used)


def _spooled(account: str, path: Path, contents: Contents, clock: Clock) -> Iterator[Finding]:
    if contents.refused:
        many, why = contents.refused_puts, contents.refused[0].reason
        yield fault(
            Ailment.SPOOL_REFUSED,
            of_account(account, f"refused and set aside: {many:,}, the first for {why}"),
            f"{with_account(account, 'spool status')}; when the cause is gone: "
            f"{with_account(account, 'spool flush --refused')}; to drop it for good: "
            f"{with_account(account, 'spool discard')}",
        )
    held = of_account(account, f"{path} holds {holds(contents)}")
    if contents.oldest_s is None:
        yield well("spool", held)
        return
    is_left_over = clock.wall().timestamp() - contents.oldest_s > _LEFT_OVER_S
    yield (fault if is_left_over else warning)(
        Ailment.SPOOL_HOLDING,
        held,
        "a running shop flushes it when Redis is back; else: "
        f"{with_account(account, 'spool flush')}",
    )


def _room(path: Path, wanted: int) -> Iterator[Finding]:
    folder = nearest_folder(path)
    free = shutil.disk_usage(folder).free
    if free < wanted:
        yield warning(
            Ailment.DISK_NEARLY_FULL,
            f"{folder} has {free / _MEGABYTE:,.0f} MB free, "
            f"and the spool may take {wanted / _MEGABYTE:,.0f} MB more",
            "make room, or set spool_path to another disk or spool_mb to less",
        )
