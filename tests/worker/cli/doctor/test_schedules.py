from datetime import UTC, datetime, timedelta

import pytest
import redis
from tests.worker.cli.doctor.conftest import Diagnose
from tests.worker.cli.test_schedules import ran, schedules

from onport_queue.runs import Outcome, Runs, Tally
from onport_worker import __version__
from onport_worker.cli.doctor.finding import Ailment

FIRST = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
GIVEN = schedules({})


@pytest.fixture
def runs(redis_client: redis.Redis) -> Runs:
    return Runs(redis_client)


def test_schedules_without_a_beat_are_a_fault(diagnose: Diagnose, runs: Runs) -> None:
    assert diagnose(SCHEDULES=GIVEN).told(Ailment.NO_BEAT)["level"] == "fault"

    runs.note_beat(__version__)
    found = diagnose(SCHEDULES=GIVEN)
    assert Ailment.NO_BEAT not in found.ailments
    assert Ailment.VERSION_SKEW not in found.ailments


@pytest.mark.parametrize("given", ["[]", schedules({"enabled": False})])
def test_where_nothing_is_scheduled_no_beat_is_missed(diagnose: Diagnose, given: str) -> None:
    assert Ailment.NO_BEAT not in diagnose(SCHEDULES=given).ailments


def test_a_beat_of_another_version_is_a_warning(diagnose: Diagnose, runs: Runs) -> None:
    runs.note_beat("0.0.1")

    assert (
        "a beat runs version 0.0.1" in diagnose(SCHEDULES=GIVEN).told(Ailment.VERSION_SKEW)["text"]
    )


def test_a_run_that_no_worker_begins_is_a_fault(diagnose: Diagnose, runs: Runs) -> None:
    runs.meet("links", "every 5m", FIRST)
    runs.tick("links", FIRST + timedelta(minutes=5))

    told = diagnose(SCHEDULES=GIVEN).told(Ailment.RUN_WAITING)

    assert told["text"].startswith("schedule links has been due for ")
    assert "-Q schedules" in told["advice"]


def test_a_run_that_has_begun_is_no_fault(diagnose: Diagnose, runs: Runs) -> None:
    runs.meet("links", "every 5m", FIRST)
    tick = runs.tick("links", FIRST + timedelta(minutes=5))
    runs.begin("links", tick, "lease", term=timedelta(seconds=30))

    assert Ailment.RUN_WAITING not in diagnose(SCHEDULES=GIVEN).ailments


@pytest.mark.parametrize(
    ("outcome", "level"),
    [(Outcome.FAILED, "warning"), (Outcome.DONE, None), (Outcome.STOPPED, None)],
)
def test_a_last_run_that_failed_is_a_warning(
    diagnose: Diagnose, runs: Runs, outcome: Outcome, level: str | None
) -> None:
    ran(runs, "links", outcome, Tally(), error="inbox: no such folder")

    found = diagnose(SCHEDULES=GIVEN)

    assert found.ailments.get(Ailment.RUN_FAILED) == level
    if level:
        assert found.told(Ailment.RUN_FAILED)["text"].endswith("failed: inbox: no such folder")
