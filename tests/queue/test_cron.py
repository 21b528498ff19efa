import pytest
from celery.schedules import crontab
from hypothesis import given
from hypothesis import strategies as st

from onport_queue.cron import checked_cron

_WORDS = st.sampled_from(["mon", "SUN", "jan", "Dec", "monday", "x", ""])
_NUMBERS = st.integers(0, 70).map(str)
_ATOMS = _NUMBERS | _WORDS
_PARTS = st.one_of(
    st.just("*"),
    _ATOMS,
    st.builds("{}-{}".format, _ATOMS, _ATOMS),
    st.builds("*/{}".format, st.integers(0, 99)),
    st.builds("{}-{}/{}".format, _NUMBERS, _NUMBERS, st.integers(0, 9)),
    st.builds("{}/{}".format, _NUMBERS, _NUMBERS),
)
_FIELDS = st.lists(_PARTS, min_size=1, max_size=2).map(",".join)


@given(st.lists(_FIELDS, min_size=5, max_size=5).map(" ".join))
def test_what_is_taken_celery_reads(text: str) -> None:
    try:
        checked = checked_cron(text)
    except ValueError:
        return
    assert crontab.from_string(checked) is not None


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "*/5 0-6/2 1,15 jan-mar MON-fri",
        "0 22-2 * * fri-mon",
        "0 0 29 2 *",
    ],
)
def test_what_people_write_is_taken(text: str) -> None:
    assert checked_cron(text) == text


def test_fields_end_up_one_space_apart() -> None:
    assert checked_cron("  0  3 * *\t* ") == "0 3 * * *"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("@daily", "expected five fields"),
        ("60 * * * *", "minute '60': expected 0 to 59"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day of the month '0'"),
        ("* * * 13 *", "month '13': expected 1 to 12 or jan ... dec"),
        ("* * * * 7", "day of the week '7': expected 0 to 6 or sun ... sat"),
        ("*/0 * * * *", r"minute '\*/0'"),
        ("5/10 * * * *", "minute '5/10'"),
        ("1,,2 * * * *", "minute ''"),
        ("0 0 31 4,6 *", "no month has such a day"),
    ],
)
def test_a_fault_names_the_field_and_what_was_expected(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        checked_cron(text)
