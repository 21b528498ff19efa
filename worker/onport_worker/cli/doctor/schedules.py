"""Whether what is put by itself is put: a beat that says when, a worker that runs it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from onport_queue.durations import spoken
from onport_queue.picture.text import counted
from onport_queue.runs import Outcome, Runs
from onport_queue.schedule import Schedule
from onport_queue.settings import Settings
from onport_worker import __version__
from onport_worker.cli.doctor.finding import Ailment, Finding, fault, warning, well

_WAITS = timedelta(seconds=60)
_BAD = frozenset({Outcome.FAILED, Outcome.LOST, Outcome.MISSED})


def beat_findings(runs: Runs, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield whether the enabled schedules are seen to, and how they ended last."""
    enabled = [schedule for schedule in settings.schedules if schedule.enabled]
    if not enabled:
        return
    version = runs.beat()
    if version is None:
        yield fault(
            Ailment.NO_BEAT,
            f"{counted(len(enabled), 'schedule is', 'schedules are')} enabled, and no beat says "
            "when they are due",
            "start one: celery -A onport_worker.app beat, or `up`",
        )
    else:
        yield well("beat", "at work")
        if version != __version__:
            yield warning(
                Ailment.VERSION_SKEW,
                f"a beat runs version {version}, this command is of {__version__}",
                "bring both to one version; restart the beat after an upgrade",
            )
    for schedule in enabled:
        yield from _runs(runs, schedule, now)


def _runs(runs: Runs, schedule: Schedule, now: datetime) -> Iterator[Finding]:
    standing = runs.standing(schedule.name)
    if standing.due is not None and standing.running is None and now - standing.due.tick > _WAITS:
        waits = spoken((now - standing.due.tick).total_seconds())
        yield fault(
            Ailment.RUN_WAITING,
            f"schedule {schedule.name} has been due for {waits}, and no worker has begun it",
            "start one: celery -A onport_worker.app worker -P threads -Q schedules, or `up`",
        )
    last = standing.last
    if last is not None and last.outcome in _BAD:
        why = f": {last.error}" if last.error else ""
        yield warning(
            Ailment.RUN_FAILED,
            f"schedule {schedule.name}: its last run was {last.outcome}{why}",
            f"onport-relay schedules history {schedule.name}; to run it now: "
            f"onport-relay schedules run {schedule.name}",
        )
