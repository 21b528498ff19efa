import logging

import pytest

from onport_queue.log import Log, frames_of


def test_a_shop_sees_a_readable_line_and_its_formatter_finds_the_facts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = Log("onport_queue.test", account="uk")
    log.warning("put_spooled", name="first", error="TimeoutError")
    (record,) = caplog.records
    assert record.getMessage() == "put_spooled account=uk name=first error=TimeoutError"
    assert vars(record)["event"] == "put_spooled"
    assert vars(record)["facts"] == {"account": "uk", "name": "first", "error": "TimeoutError"}
    assert (record.name, record.levelno, record.module) == (
        "onport_queue.test",
        logging.WARNING,
        "test_log",
    )


def test_what_is_below_the_level_is_not_even_made(caplog: pytest.LogCaptureFixture) -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError

    caplog.set_level(logging.INFO, logger="onport_queue.test")
    Log("onport_queue.test").debug("delivered", jobs=Costly())
    assert caplog.records == []


def test_a_percent_sign_in_a_fact_is_no_placeholder(caplog: pytest.LogCaptureFixture) -> None:
    Log("onport_queue.test").error("put_refused", error="disk 85%s full")
    assert caplog.messages == ["put_refused error=disk 85%s full"]


def test_frames_say_where_and_not_what() -> None:
    def inner() -> None:
        raise ValueError("ada@example.org")

    with pytest.raises(ValueError, match="ada") as found:
        inner()
    frames = frames_of(found.value)
    assert [frame.partition(":")[0] for frame in frames] == ["test_log.py", "test_log.py"]
    assert frames[-1].endswith(" inner")
    assert "ada" not in str(frames)
