from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.producers.spool.conftest import a_put
from tests.worker.cli.conftest import Run
from tests.worker.cli.doctor.conftest import Diagnose
from tests.worker.cli.test_schedules import schedules

from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
from onport_worker.cli.doctor.finding import Ailment

Keep = Callable[..., Path]


class _Earlier(SystemClock):
    """So long ago."""

    def __init__(self, minutes: float) -> None:
        self._ago = timedelta(minutes=minutes)

    def wall(self) -> datetime:
        return super().wall() - self._ago


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Keep]:
    """Keep so many puts in a spool, so long ago, and return its file."""
    spools: list[Spool] = []

    def kept(puts: int, *, minutes_ago: float = 0) -> Path:
        clock = _Earlier(minutes_ago)
        spools.append(Spool(tmp_path / "spool.db", "default", most_mb=10, clock=clock))
        for number in range(puts):
            spools[-1].append(a_put(str(number)))
        return spools[-1].path

    yield kept
    for spool in spools:
        spool.close()


def test_all_faults_of_the_settings_are_told_at_once(diagnose_alone: Diagnose) -> None:
    found = diagnose_alone(RATE="fast", BATCH_ITEMS="0", BASE_URL="http://example.com")

    assert found.exit_code == 1
    assert {one["name"] for one in found.findings} == {Ailment.SETTINGS_INVALID}
    assert [one["text"].split(":")[0] for one in found.findings[:2]] == ["rate", "batch_items"]
    assert "fast" not in str(found)


def test_a_missing_hash_is_a_warning_that_says_what_to_set(diagnose: Diagnose) -> None:
    found = diagnose().told(Ailment.HASH_MISSING)

    assert found["level"] == "warning"
    assert found["advice"] == "set ONPORT_RELAY_WEBHOOK_HASH"


def test_the_hash_of_each_channel_is_asked_for(diagnose: Diagnose) -> None:
    found = diagnose(WEBHOOK_HASH="x", BASE_URL="http://127.0.0.1:1", CHANNELS='{"uk": {}}')

    assert "of channel uk" in found.told(Ailment.HASH_MISSING)["text"]


def test_a_hash_is_never_told(run: Run) -> None:
    result = run("doctor", WEBHOOK_HASH="a-secret", BASE_URL="http://127.0.0.1:1")

    assert "a-secret" not in result.output


def test_a_schedule_s_source_that_is_not_there_is_a_fault(
    diagnose: Diagnose, tmp_path: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    given = schedules({}, {"name": "feed", "source": "python:no_such_module:items"})

    found = diagnose(SCHEDULES=given)

    assert "no module no_such_module" in found.told(Ailment.SOURCE_MISSING)["text"]
    assert ("ok", "schedule links") in {(one["level"], one["name"]) for one in found.findings}


@pytest.mark.parametrize(("minutes", "level"), [(0, "warning"), (6, "fault")])
def test_a_spool_that_holds_something_is_soon_a_fault(
    diagnose: Diagnose, keep: Keep, minutes: float, level: str
) -> None:
    path = keep(2, minutes_ago=minutes)

    found = diagnose(SPOOL_PATH=str(path), SPOOL_MB="10").told(Ailment.SPOOL_HOLDING)

    assert found["level"] == level
    assert "holds 2 puts with 2 jobs, the oldest since " in found["text"]
    assert "onport-relay spool flush" in found["advice"]


def test_what_was_refused_and_set_aside_is_a_fault(diagnose: Diagnose, tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = Spool(path, "default", most_mb=10, clock=SystemClock())
    spool.append(a_put("1"))
    (entry,) = spool.first(1)
    spool.set_aside(entry.place, "a reason")

    found = diagnose(SPOOL_PATH=str(path), SPOOL_MB="10")
    spool.close()

    told = found.told(Ailment.SPOOL_REFUSED)
    assert told["text"] == "refused and set aside: 1, the first for a reason"
    assert "spool flush --refused" in told["advice"]


def test_a_spool_that_can_not_be_opened_is_a_fault(diagnose: Diagnose, tmp_path: Path) -> None:
    found = diagnose(SPOOL_PATH=str(tmp_path / ("x" * 300)), SPOOL_MB="10")

    assert found.told(Ailment.SPOOL_BROKEN)["level"] == "fault"


def test_a_spool_that_may_not_persist_is_a_warning(diagnose: Diagnose, tmp_path: Path) -> None:
    found = diagnose(SPOOL_PATH=str(tmp_path / "spool.db"), SPOOL_MB="10")

    told = found.told(Ailment.SPOOL_DOUBTFUL)
    assert told["text"] == f"{tmp_path}/spool.db may not persist: it is among temporary files"


def test_a_disk_without_the_room_that_the_spool_may_take_is_a_warning(
    diagnose: Diagnose, tmp_path: Path
) -> None:
    path = str(tmp_path / "spool.db")

    assert Ailment.DISK_NEARLY_FULL not in diagnose(SPOOL_PATH=path, SPOOL_MB="1").ailments
    told = diagnose(SPOOL_PATH=path, SPOOL_MB=str(10**9)).told(Ailment.DISK_NEARLY_FULL)
    assert told["level"] == "warning"
    assert f"{tmp_path} has " in told["text"]


def test_a_spool_that_is_off_is_well(run: Run) -> None:
    assert "spool: off (spool_mb = 0)" in run("doctor", SPOOL_MB="0").stdout
