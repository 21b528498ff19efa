"""Schedules: each tick runs once, and nothing that a run has begun is lost."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from tests.acceptance import feeds
from tests.acceptance.beats import ROOT, Scheduled, account, scheduled, worker
from tests.acceptance.relay import Relay

from onport_queue.names import Kind
from onport_queue.runs import Outcome
from onport_worker.fleet import Fleet

HEADER = "sku,vendorSku,dropshipProviderExternalId\n"
EVERY_S = 2


@pytest.fixture(autouse=True)
def _feeds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(feeds.FOLDER, str(tmp_path))


def function(name: str) -> str:
    return f"python:tests.acceptance.feeds:{name}"


def hand_over(folder: Path, name: str, text: str) -> None:
    """Write aside, then rename: nobody sees half of it."""
    folder.mkdir(exist_ok=True)
    aside = folder / f".{name}"
    aside.write_text(text)
    aside.rename(folder / name)


@contextmanager
def another_worker(relay: Relay) -> Iterator[None]:
    with Fleet(relay.settings, [worker(2)], relay.log):
        yield


def is_whole(at: Scheduled) -> bool:
    """Whether all items are in the queue and a run is recorded that put them."""
    with suppress(RedisError):  # the broker is not back yet
        is_recorded = any(run.accepted == feeds.MANY for run in at.runs.history("links"))
        return is_recorded and at.relay.queue.stats().pending == feeds.MANY
    return False


def has_put(at: Scheduled, schedule: str) -> bool:
    return any(run.accepted for run in at.runs.history(schedule))


def test_of_two_beats_one_of_which_is_killed_each_tick_runs_once(tmp_path: Path) -> None:
    source = function("noted")
    with scheduled(tmp_path, {"source": source, "every": f"{EVERY_S}s"}, beats=2) as at:
        at.relay.wait_until(lambda: Outcome.DONE in at.outcomes(), within_s=30)
        at.relay.run_for(7)
        at.fleet.processes[1].kill()
        at.relay.run_for(7)
        at.fleet.processes[2].terminate()
        at.fleet.processes[2].wait(10)
        at.fleet.stop()
        history = at.runs.history("links")
    calls = len((tmp_path / "calls").read_text().splitlines())
    found = account(history, timedelta(seconds=EVERY_S), calls)
    # A machine that is too slow for a run within two seconds skips ticks, and says so; the last run
    # may have been told to stop before it called the function.
    excused = ("skipped", "stopped")
    assert [one for one in found.other if not one.endswith(excused)] == []
    assert found.ticks >= 7
    begun = [run for run in history if run.began is not None]
    assert 0 < found.ran_once <= calls <= len(begun)


def test_the_newest_wish_about_a_link_is_delivered_and_can_be_traced(tmp_path: Path) -> None:
    source = {wish: str(tmp_path / wish / "*.csv") for wish in ("acknowledge", "disconnect")}
    entries = [{"name": wish, "kind": wish, "source": source[wish]} for wish in source]
    for wish in source:
        (tmp_path / wish).mkdir()
    with scheduled(tmp_path, *entries) as at:
        at.relay.queue.pause("account", None, "a test")
        at.relay.start_workers()
        for wish in source:
            hand_over(tmp_path / wish, "a.csv", f"{HEADER}A,1,p\nB-{wish},1,p\n")
            at.relay.wait_until(partial(has_put, at, wish), within_s=20)
        view = at.relay.queue.show(Kind.ACKNOWLEDGE, "default", "A")
        assert view is not None
        assert [fragment.tag for fragment in view.fragments] == ["D"]
        at.relay.queue.resume()
        at.relay.wait_until(at.relay.is_done, within_s=20)
        delivered = {
            (receipt.kind, item.key) for receipt in at.relay.receipts() for item in receipt.items
        }
    assert delivered == {
        *(("disconnect", "A"), ("acknowledge", "B-acknowledge"), ("disconnect", "B-disconnect"))
    }


def test_a_killed_worker_s_run_is_recorded_as_lost_and_run_again(tmp_path: Path) -> None:
    with scheduled(tmp_path, {"source": function("slowly_once")}) as at:
        at.relay.wait_until((tmp_path / "began").exists, within_s=30)
        at.signal_worker(signal.SIGKILL)
        (tmp_path / "began").unlink()
        with another_worker(at.relay):
            at.relay.redis.hincrbyfloat(at.relay.key("meta"), "now", 31_000)
            at.relay.wait_until(lambda: at.relay.queue.stats().pending == feeds.MANY, within_s=40)
            at.relay.wait_until(lambda: Outcome.DONE in at.outcomes(), within_s=20)
        # Ticks that came while there was no worker were missed, or skipped: they began no run.
        lost, again = [run for run in reversed(at.runs.history("links")) if run.began][:2]
    assert (lost.outcome, again.outcome) == (Outcome.LOST, Outcome.DONE)
    assert lost.accepted < again.accepted == feeds.MANY


def test_a_worker_that_is_told_to_stop_leaves_the_rest_of_a_file_to_the_next(
    tmp_path: Path,
) -> None:
    many = 200_000
    lines = (f"S{number},1,p\n" for number in range(many))
    hand_over(tmp_path / "in", "a.csv", HEADER + "".join(lines))
    with scheduled(tmp_path, {"source": str(tmp_path / "in/*.csv")}) as at:
        at.relay.wait_until(lambda: at.relay.queue.stats().pending > 0, within_s=30)
        at.signal_worker(signal.SIGTERM)
        (stopped,) = (run for run in at.runs.history("links") if run.outcome is Outcome.STOPPED)
        assert 0 < stopped.accepted == at.relay.queue.stats().pending < many
        assert os.listdir(tmp_path / "in/claimed/links") == ["a.csv"]  # noqa: PTH208
        with another_worker(at.relay):
            at.relay.wait_until(lambda: at.relay.queue.stats().pending == many, within_s=90)
            at.relay.wait_until(lambda: Outcome.DONE in at.outcomes(), within_s=20)
    assert list((tmp_path / "in/claimed/links").iterdir()) == []


def test_a_run_outlives_the_broker_s_restart_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    with scheduled(tmp_path, {"source": function("slowly_once")}) as at:
        at.relay.wait_until((tmp_path / "began").exists, within_s=30)
        at.relay.run_for(1)
        os.kill(int(at.relay.redis.info("server")["process_id"]), signal.SIGKILL)
        at.relay.wait_until(lambda: is_whole(at), within_s=60)
        whole = [run for run in at.runs.history("links") if run.accepted]
        assert at.relay.queue.stats().imbalance == 0
    assert [(run.outcome, run.accepted) for run in whole] == [(Outcome.DONE, feeds.MANY)]
