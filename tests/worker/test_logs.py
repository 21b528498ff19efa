"""The lines of the relay's own processes."""

import json
import logging
import threading
import warnings

import pytest
import structlog

from onport_queue.log import Log
from onport_queue.settings import Settings
from onport_worker.logs import configure

pytestmark = pytest.mark.usefixtures("restored_logging")

OURS = Log("onport_worker.test")
THEIRS = logging.getLogger("celery.test")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def only_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    (line,) = lines(capsys)
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def as_json(level: str = "debug") -> None:
    configure(Settings(log_format="json", log_level=level), "high")


def test_an_event_is_one_json_object_with_its_facts_as_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_json()
    OURS.warning("job_given_up", job="sale:default:1001", status="422", attempts=3)
    line = only_line(capsys)
    assert line.pop("timestamp")
    assert line.pop("pid")
    assert line == {
        "event": "job_given_up",
        "job": "sale:default:1001",
        "status": "422",
        "attempts": 3,
        "level": "warning",
        "logger": "onport_worker.test",
        "process": "high",
    }


def test_for_a_console_it_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="console"), "high")
    OURS.info("started", queues=["high"], accounts=["default"])
    (line,) = lines(capsys)
    assert "[info     ] started " in line
    assert "queues=['high'] accounts=['default'] process=high" in line


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_fact_can_neither_begin_a_line_nor_steer_a_terminal(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    configure(Settings(log_format=form), "high")
    OURS.warning("job_given_up", job="a\nb\x1b[2J", jobs=["c\r\nd"])
    (line,) = lines(capsys)
    assert "\x1b" not in line


def test_log_level_is_the_least_of_ours_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    as_json("WARNING")
    OURS.info("started")
    OURS.warning("paused")
    assert only_line(capsys)["event"] == "paused"


def test_of_other_libraries_only_warnings_are_told_at_any_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_json("debug")
    THEIRS.debug("the body is %s", "ada@example.org")
    THEIRS.info("HTTP Request: POST")
    THEIRS.warning("consumer: Connection to broker lost. Trying again in %.2f s", 2.0)
    line = only_line(capsys)
    assert line["event"] == "consumer: Connection to broker lost. Trying again in 2.00 s"
    assert line["logger"] == "celery.test"


QUOTING = [
    pytest.param(("Task %s raised unexpected: %s", "drain", ValueError("ada@")), id="an error"),
    pytest.param(("failed: %(exc)s", {"exc": ValueError("ada@")}), id="by name"),
    pytest.param(("could not send %s", {"email": "ada@"}.keys()), id="an object"),
    pytest.param((ValueError("ada@"),), id="as the message"),
    pytest.param(("never retrieved\nfuture: ada@",), id="a second line"),
    pytest.param(("%d of %s", ValueError("ada@"), 1), id="no number"),
]


@pytest.mark.parametrize("said", QUOTING)
def test_what_another_library_quotes_is_not_told(
    capsys: pytest.CaptureFixture[str], said: tuple[object, ...]
) -> None:
    as_json()
    message, *arguments = said
    THEIRS.error(message, *arguments)
    (line,) = lines(capsys)
    assert "ada@" not in line


def test_an_error_of_another_library_is_told_by_type_and_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_json()
    try:
        json.loads('{"email": "ada@" oops')
    except ValueError as error:
        THEIRS.exception("Task %(name)s: %(exc)s", {"name": "drain", "exc": repr(error)})
    line = only_line(capsys)
    assert line["event"] == "Task drain: JSONDecodeError"
    assert line["error"] == "JSONDecodeError"
    assert "test_logs.py" in str(line["at"])
    assert "raw_decode" in str(line["at"])


@pytest.mark.filterwarnings("default")
def test_a_warning_is_a_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        as_json()
        warnings.warn("deprecated", stacklevel=1)
        logging.captureWarnings(capture=False)
    assert str(only_line(capsys)["event"]).endswith("UserWarning: deprecated")


def test_a_thread_that_nobody_watches_dies_with_its_place_and_without_its_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def look() -> None:
        raise LookupError("ada@example.org")

    as_json()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    line = only_line(capsys)
    assert (line["event"], line["error"]) == ("thread_crashed", "LookupError")
    assert str(line["at"]).endswith(" look']")


def test_a_shop_s_process_is_left_alone() -> None:
    assert not structlog.is_configured()
