import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from tests.worker.cli.conftest import Run

from onport_queue.runs import Outcome, Runs, Tally
from onport_queue.store import Queue

FIRST = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
TERM = timedelta(seconds=30)


@pytest.fixture
def runs(redis_client: redis.Redis) -> Runs:
    return Runs(redis_client)


def schedules(*entries: dict[str, Any]) -> str:
    boring = {"name": "links", "kind": "acknowledge", "source": "inbox/*.csv", "every": "5m"}
    return json.dumps([boring | entry for entry in entries])


def ran(runs: Runs, name: str, outcome: Outcome, tally: Tally, error: str = "") -> None:
    runs.begin(name, None, "lease", term=TERM)
    runs.finish(name, "lease", outcome, tally, error=error)


def test_list_says_what_runs_when_and_how_it_went(run: Run, runs: Runs) -> None:
    ran(runs, "links", Outcome.DONE, Tally(accepted=1_200, unchanged=7, refused=2, warnings=1))
    runs.begin("feed", None, "lease", term=TERM)
    runs.renew("feed", "lease", term=TERM, accepted=500)
    given = schedules(
        {}, {"name": "feed", "kind": "product"}, {"name": "old", "enabled": False, "every": "1d"}
    )
    result = run("schedules", "list", SCHEDULES=given)
    assert result.exit_code == 0
    links, feed, old = result.stdout.splitlines()[1:]
    assert links.split()[:4] == ["links", "acknowledge", "every", "5m"]
    assert "done: 1,200 items accepted, 2 refused; 7 unchanged; 1 with warnings" in links
    assert "running: 500 items so far" in feed
    assert old.split() == ["old", "acknowledge", "off", "-", "-", "never", "ran"]


def test_list_for_a_script(run: Run, runs: Runs) -> None:
    runs.meet("links", "every 5m", FIRST)
    runs.tick("links", FIRST + timedelta(minutes=5))
    line = json.loads(run("schedules", "list", "--json", SCHEDULES=schedules({})).stdout)
    assert line["due"]["tick"] == "2026-11-24T03:05:00Z"
    assert (line["running"], line["last"]) == (None, None)
    assert datetime.fromisoformat(line["next_at"]) > FIRST


def test_history_shows_the_newest_last(run: Run, runs: Runs) -> None:
    runs.meet("links", "every 5m", FIRST)
    for number in range(1, 4):
        runs.tick("links", FIRST + number * timedelta(minutes=5))
    ran(runs, "links", Outcome.FAILED, Tally(), "broken \x1b[31m")
    result = run("schedules", "history", "--limit", "2", SCHEDULES=schedules({}))
    header, missed, failed = result.stdout.splitlines()
    assert header.split() == ["schedule", "due", "began", "ended", "outcome"]
    assert "missed: no worker had begun it" in missed
    assert "by hand" in failed
    assert "failed: 0 items accepted; broken \ufffd[31m" in failed


def test_history_of_all_for_a_script(run: Run, runs: Runs) -> None:
    ran(runs, "feed", Outcome.DONE, Tally(accepted=3))
    ran(runs, "links", Outcome.STOPPED, Tally(accepted=1))
    given = schedules({}, {"name": "feed"})
    lines = run("schedules", "history", "--json", SCHEDULES=given).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert {one["schedule"]: (one["outcome"], one["accepted"]) for one in found} == {
        "feed": ("done", 3),
        "links": ("stopped", 1),
    }


def test_without_schedules_it_says_where_they_go(run: Run) -> None:
    assert "[[schedules]] in relay.toml" in run("schedules", "list").stdout
    assert run("schedules", "history").stdout == "No runs yet.\n"


def test_run_runs_it_now_and_records_it(
    run: Run, runs: Runs, tmp_path: Path, redis_client: redis.Redis
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox/a.csv").write_text("sku,vendorSku,dropshipProviderId\nA,1,p\nB,2,p\n")
    result = run("schedules", "run", "links", SCHEDULES=schedules({"enabled": False}))
    assert (result.exit_code, result.stdout) == (0, "Done: 2 items accepted.\n")
    assert Queue(redis_client).stats().pending == 2
    (recorded,) = runs.history("links")
    assert (recorded.by_hand, recorded.outcome) == (True, Outcome.DONE)


def test_run_exits_1_with_the_reason_if_it_failed(run: Run) -> None:
    result = run("schedules", "run", "links", SCHEDULES=schedules({}))
    assert result.exit_code == 1
    assert result.stdout == "Failed: 0 items accepted.\n"
    assert "inbox: no such folder" in result.stderr


def test_run_exits_1_while_another_run_goes_on(run: Run, runs: Runs) -> None:
    runs.begin("links", None, "lease", term=TERM)
    result = run("schedules", "run", "links", SCHEDULES=schedules({}))
    assert result.exit_code == 1
    assert "schedule links: a run goes on" in result.stderr


@pytest.mark.parametrize("command", ["run", "history"])
def test_a_name_that_is_none_is_refused_with_those_that_are(run: Run, command: str) -> None:
    result = run("schedules", command, "x", SCHEDULES=schedules({}, {"name": "feed"}))
    assert result.exit_code == 2
    assert "'x': no such schedule; there are: links, feed" in result.stderr
