from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from onport_queue.errors import SettingsError
from onport_queue.schedule import Schedule
from onport_queue.settings import load_settings


def entry(**changes: Any) -> dict[str, Any]:
    boring = {"name": "links", "kind": "acknowledge", "source": "in/*.csv", "every": "5m"}
    return {name: value for name, value in (boring | changes).items() if value is not None}


def faults(*entries: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(schedules=list(entries))
    return str(caught.value).splitlines()


def test_a_settings_file_says_what_runs_when(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(
        '[[schedules]]\nname = "nightly"\nkind = "product"\nsource = "python:shop.feed:items"\n'
        'cron = "0 3 * * *"\ntimezone = "Europe/Berlin"\ntime_limit = "2h"\n'
        '[[schedules]]\nname = "links"\nkind = "disconnect"\nsource = "in/*.jsonl"\nevery = "90s"\n'
    )
    nightly, links = load_settings(file).schedules
    assert nightly.timing == "cron 0 3 * * * Europe/Berlin"
    assert (nightly.function, nightly.limit) == (("shop.feed", "items"), timedelta(hours=2))
    assert (links.function, links.interval) == (None, timedelta(seconds=90))


def test_settings_survive_their_way_to_a_worker() -> None:
    settings = load_settings(schedules=[entry()])
    again = load_settings(**settings.model_dump(mode="json", exclude_none=True))
    assert again.schedules == settings.schedules != ()


def test_one_that_is_off_has_no_timing() -> None:
    assert Schedule.model_validate(entry(enabled=False)).timing == "off"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": "Nightly"}, "schedules.0.name: schedule 'Nightly' is no name"),
        ({"kind": "nonsense"}, "schedules.0.kind: Input should be 'acknowledge'"),
        ({"cron": "0 3 * * *"}, "schedules.0.every: cron and every exclude each other"),
        ({"every": None}, "schedules.0.every: missing: expected every"),
        ({"every": "5"}, "schedules.0.every: '5': expected a whole number and s, m, h or d"),
        ({"every": None, "cron": "61 * * * *"}, "schedules.0.cron: minute '61'"),
        ({"timezone": "Mars/Olympus"}, "schedules.0.timezone: 'Mars/Olympus' is no time zone"),
        ({"time_limit": "long"}, "schedules.0.time_limit: 'long': expected a whole number"),
        ({"channel": "A B"}, "schedules.0.channel: channel 'A B' is no name"),
        ({"channel": "uk"}, "schedules.0.channel: 'uk' is not in the settings; expected one of"),
        ({"source": "python:shop"}, "schedules.0.source: 'python:shop': expected python:"),
        ({"source": "in/"}, "schedules.0.source: 'in/': expected files"),
        ({"source": "i*/x.csv"}, "schedules.0.source: 'i*/x.csv': expected wildcards in the"),
        ({"source": None}, "schedules.0.source: Field required"),
        ({"colour": "red"}, "schedules.0.colour: no such setting"),
    ],
)
def test_a_fault_is_named(changes: dict[str, Any], fault: str) -> None:
    (line,) = faults(entry(**changes))
    assert line.startswith(fault)


def test_all_faults_are_told_at_once_two_of_one_name_among_them() -> None:
    told = faults(
        entry(kind="nonsense", cron="0 99 * * *"), entry(timezone="nowhere"), entry(name="b")
    )
    assert [line.partition(": ")[0] for line in told] == [
        *("schedules.0.kind", "schedules.0.cron", "schedules.0.every"),
        *("schedules.1.timezone", "schedules.1.name"),
    ]
    assert told[-1] == "schedules.1.name: 'links': another schedule has this name"


def test_what_is_no_list_is_a_fault() -> None:
    with pytest.raises(SettingsError, match="schedules: "):
        load_settings(schedules="nonsense")
