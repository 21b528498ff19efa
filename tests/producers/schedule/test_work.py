import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from tests.producers.conftest import CountingWaker

from onport_producers import Producer
from onport_producers.schedule import Report, SourceError, Work, check_source
from onport_queue.clock import SystemClock
from onport_queue.csv_settings import CsvSettings
from onport_queue.flight import Delivered, Gate, Granted, Settlement
from onport_queue.names import Kind, Lane
from onport_queue.runs import Outcome, Tally
from onport_queue.schedule import Schedule
from onport_queue.settings import Settings
from onport_queue.store import Queue

FEEDS = "tests.producers.schedule.shop_feeds"
HEADER = "sku,vendorSku,dropshipProviderExternalId\n"

Run = Callable[..., Report]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def run(settings: Settings, inbox: Path, redis_client: redis.Redis) -> Run:
    """Run a schedule of the inbox's files, or of another source."""
    del redis_client  # it empties the broker

    def run(stop_after: int | None = None, told: list[Tally] | None = None, **of: Any) -> Report:
        asked = 0

        def is_stopped() -> bool:
            nonlocal asked
            asked += 1
            return stop_after is not None and asked > stop_after

        changed = {
            "validation": of.get("validation", "lenient"),
            "csv": of.get("csv", settings.csv),
        }
        own = settings.model_copy(update=changed)
        work = Work(
            schedule(inbox, **of),
            own,
            of.get("producer") or Producer(own, waker=CountingWaker()),
            SystemClock(),
            is_stopped=is_stopped,
            told=(told if told is not None else []).append,
        )
        return work.run()

    return run


def schedule(inbox: Path, **of: Any) -> Schedule:
    boring = {"name": "links", "kind": "acknowledge", "source": f"{inbox}/*", "every": "5m"}
    return Schedule.model_validate(boring | {name: of[name] for name in of if name in boring})


def kept(inbox: Path, folder: str) -> list[str]:
    names = sorted(path.name for path in (inbox / folder).glob("**/*") if path.is_file())
    return [name.partition("-")[2] or name for name in names]


def test_a_csv_file_of_links_is_put_and_put_away(run: Run, inbox: Path, queue: Queue) -> None:
    (inbox / "a.csv").write_text(f"{HEADER}A,1,p\nA,2,p\nB,3,\n")
    report = run()
    assert report == Report(Outcome.DONE, Tally(accepted=3, warnings=1))
    view = queue.show(Kind.ACKNOWLEDGE, "default", "A")
    assert view is not None
    assert [json.loads(fragment.body) for fragment in view.fragments] == [
        {"vendorSku": "1", "dropshipProviderExternalId": "p"},
        {"vendorSku": "2", "dropshipProviderExternalId": "p"},
    ]
    assert kept(inbox, "done") == ["a.csv"]


def test_json_lines_hold_any_kind(run: Run, inbox: Path, queue: Queue) -> None:
    (inbox / "a.jsonl").write_text('{"externalId": "1"}\n{"externalId": "2"}\n')
    assert run(kind="sale").tally == Tally(accepted=2, warnings=2)
    (inbox / "b.jsonl").write_text('{"externalId": "1", "paid": true}\n')
    assert run(kind="sale-update").tally.accepted == 1
    (inbox / "c.json").write_text('[{"sku": "P"}]')
    assert run(kind="product").tally.accepted == 1
    (inbox / "d.jsonl").write_text('{"sku": "V", "vendorSkus": [{"vendorSku": "1"}]}')
    assert run(kind="disconnect").tally.accepted == 1
    assert queue.stats().pending == 4
    assert queue.stats().ledger.folded == 1


def test_the_newest_file_s_wish_about_a_link_wins(run: Run, inbox: Path, queue: Queue) -> None:
    (inbox / "a.csv").write_text(f"{HEADER}A,1,p\n")
    run(kind="acknowledge")
    (inbox / "b.csv").write_text(f"{HEADER}A,1,p\n")
    run(kind="disconnect")
    view = queue.show(Kind.ACKNOWLEDGE, "default", "A")
    assert view is not None
    assert [fragment.tag for fragment in view.fragments] == ["D"]


def test_a_csv_file_of_products_is_read_as_the_settings_say(
    run: Run, inbox: Path, queue: Queue
) -> None:
    (inbox / "a.csv").write_text("Artikelnummer,Farbe\nA1,rot\n")
    run(kind="product", csv=CsvSettings(columns={"Artikelnummer": "sku"}))
    view = queue.show(Kind.PRODUCT, "default", "sku=A1")
    assert view is not None
    assert view.fragments[0].body == b'{"sku":"A1"}'


def test_a_product_that_onport_has_is_counted_and_not_sent_again(
    run: Run, inbox: Path, queue: Queue
) -> None:
    (inbox / "a.jsonl").write_text('{"sku": "A"}\n{"sku": "B"}\n')
    run(kind="product")
    prints = {"default": ("",)}
    queue.look([Lane.LOW], 0, prints=prints)
    claim = queue.claim(Lane.LOW, Gate(rate=1e6, prints=prints), "lease")
    assert isinstance(claim, Granted)
    queue.settle("lease", Settlement([Delivered() for _ in claim.items], status="200"))
    (inbox / "b.jsonl").write_text('{"sku": "A"}\n{"sku": "B", "name": "new"}\n')
    assert run(kind="product").tally == Tally(accepted=2, unchanged=1)
    assert queue.stats().pending == 1


def test_a_refused_item_stops_no_other_and_the_file_is_set_aside_with_reasons(
    run: Run, inbox: Path, queue: Queue
) -> None:
    lines = ['{"sku": "A"}', '{"sku": ["secret"]}', '{"sku": "B"}', '{"no": "sku"}']
    (inbox / "a.jsonl").write_text("\n".join(lines))
    report = run()
    assert (report.outcome, report.tally.accepted, report.tally.refused) == (Outcome.DONE, 2, 2)
    assert queue.stats().pending == 2
    (reasons,) = (inbox / "failed").glob("*.reasons.txt")
    told = reasons.read_text().splitlines()
    assert [line.partition(": ")[0] for line in told] == ["line 2", "line 4"]
    assert report.error.endswith(f"a.jsonl: {told[0]}")
    assert "secret" not in reasons.read_text()


def test_what_comes_before_a_broken_line_is_put(run: Run, inbox: Path, queue: Queue) -> None:
    (inbox / "a.jsonl").write_text('{"sku": "A"}\n{broken\n{"sku": "B"}\n')
    (inbox / "b.jsonl").write_text('{"sku": "C"}\n')
    report = run()
    assert (report.outcome, report.tally.accepted) == (Outcome.FAILED, 2)
    assert "a.jsonl: line 2: not JSON" in report.error
    assert (kept(inbox, "done"), len(kept(inbox, "failed"))) == (["b.jsonl"], 2)
    assert queue.stats().pending == 2


@pytest.mark.parametrize(
    ("name", "content", "of", "reason"),
    [
        ("a.csv", b"externalId\n1\n", {"kind": "sale"}, "CSV holds products and variant links"),
        ("a.csv", b"sku,colour\nA,red\n", {}, "line 2: colour: unknown column, expected sku"),
        ("a.csv", b"vendorSku\nA\n", {}, "no column sku"),
        ("a.bin", b"\x00\x01", {}, "neither JSON nor CSV"),
        ("a.jsonl", b"", {}, "empty"),
    ],
)
def test_a_file_that_can_not_be_read_is_set_aside(
    run: Run, inbox: Path, name: str, content: bytes, of: dict[str, Any], reason: str
) -> None:
    (inbox / name).write_bytes(content)
    report = run(**of)
    assert report.outcome is Outcome.FAILED
    assert reason in report.error
    assert len(kept(inbox, "failed")) == 2


def test_warnings_are_refusals_where_validation_is_strict(run: Run, inbox: Path) -> None:
    (inbox / "a.jsonl").write_text('{"sku": "A"}\n')
    report = run(validation="strict")
    assert (report.tally.accepted, report.tally.refused) == (0, 1)
    assert "line 1: vendorSkus: empty" in report.error


def test_told_to_stop_it_puts_what_it_has_read_and_the_next_run_does_the_whole_file(
    run: Run, inbox: Path, queue: Queue
) -> None:
    lines = [f'{{"sku": "S{number}"}}\n' for number in range(700)]
    (inbox / "a.jsonl").write_text("".join(lines))
    (inbox / "b.jsonl").write_text('{"sku": "last"}\n')
    stopped = run(stop_after=601)
    assert (stopped.outcome, stopped.tally.accepted, stopped.again) == (Outcome.STOPPED, 600, True)
    assert kept(inbox, "claimed") == ["a.jsonl"]
    assert (inbox / "b.jsonl").exists()
    assert run().tally.accepted == 701
    assert queue.stats().pending == 701
    assert kept(inbox, "done") == ["a.jsonl", "b.jsonl"]


def test_it_tells_how_far_it_is(run: Run, inbox: Path) -> None:
    (inbox / "a.jsonl").write_text('{"sku": "x"}\n{"no": 1}\n' + '{"sku": "A"}\n' * 600)
    told: list[Tally] = []
    run(told=told)
    assert [tally.accepted for tally in told] == [500, 601]
    assert told[-1].refused == 1


def test_with_the_broker_away_items_are_spooled_and_the_file_is_done(
    run: Run, inbox: Path, settings: Settings
) -> None:
    (inbox / "a.csv").write_text(f"{HEADER}A,1,p\n")
    report = run(producer=Producer(settings.model_copy(update={"redis_url": nowhere()})))
    assert report == Report(Outcome.DONE, Tally(accepted=1, spooled=1))


def test_without_a_spool_the_file_stays_and_the_tick_is_run_again(
    run: Run, inbox: Path, settings: Settings
) -> None:
    (inbox / "a.csv").write_text(f"{HEADER}A,1,p\n")
    away = settings.model_copy(update={"redis_url": nowhere(), "spool_mb": 0})
    report = run(producer=Producer(away))
    assert (report.outcome, report.again) == (Outcome.FAILED, True)
    assert "broker 127.0.0.1:" in report.error
    assert kept(inbox, "claimed") == ["a.csv"]


def test_a_folder_that_is_gone_is_a_failure(run: Run, inbox: Path) -> None:
    inbox.rmdir()
    report = run()
    assert (report.outcome, report.again) == (Outcome.FAILED, False)
    assert report.error == f"{inbox}: no such folder"


@pytest.mark.parametrize("function", ["links", "of_a_list"])
def test_a_function_yields_items(run: Run, queue: Queue, function: str) -> None:
    report = run(source=f"python:{FEEDS}:{function}")
    assert report.outcome is Outcome.DONE
    assert queue.stats().pending == report.tally.accepted > 0


def test_of_a_function_s_faulty_item_its_number_is_told(run: Run) -> None:
    report = run(source=f"python:{FEEDS}:with_a_faulty_one")
    assert (report.tally.accepted, report.tally.refused) == (2, 1)
    assert report.error.startswith("item 2: sku: ")
    assert "secret" not in report.error


def test_what_a_broken_function_raised_is_told_without_its_text(run: Run, queue: Queue) -> None:
    report = run(source=f"python:{FEEDS}:that_breaks")
    assert report.outcome is Outcome.FAILED
    assert report.error == f"python:{FEEDS}:that_breaks: RuntimeError at shop_feeds.py line 22"
    assert (report.tally.accepted, queue.stats().pending) == (1, 1)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("python:no_such_module:links", "no module no_such_module; expected one that the worker"),
        (f"python:{FEEDS}:nothing", "no function nothing in"),
        (f"python:{FEEDS}:NO_FUNCTION", "no function NO_FUNCTION in"),
        ("/no/such/folder/*.csv", "/no/such/folder: no such folder"),
    ],
)
def test_a_source_that_can_not_be_found_is_told(inbox: Path, source: str, fault: str) -> None:
    with pytest.raises(SourceError, match=fault):
        check_source(schedule(inbox, source=source))


def test_a_module_that_breaks_is_told_by_its_place(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_feed.py").write_text("\nraise ValueError('a secret')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceError, match=r"ValueError at broken_feed\.py line 2") as caught:
        check_source(schedule(inbox, source="python:broken_feed:items"))
    assert "secret" not in str(caught.value)


def nowhere() -> str:
    """The address of a broker that is not there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
