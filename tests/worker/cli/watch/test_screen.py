import re
from collections.abc import Sequence
from datetime import datetime
from io import StringIO

import pytest
from rich.console import Console
from tests.queue.picture.test_forecast import CATALOGUE, SALES, at_work, pause, pending

from onport_queue.events import Event, EventName
from onport_queue.ledger import OutageStats, SizeStats, Stats
from onport_queue.names import Kind
from onport_queue.settings import Settings
from onport_worker.cli.watch.screen import Screen
from onport_worker.cli.watch.sight import Sight

NOW = datetime.fromisoformat("2026-11-03T14:16:05").astimezone()
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_COLOR = re.compile(r"\x1b\[[0-9;]*(3[1-7]|9[0-7])m")
BUSY = at_work(SALES, CATALOGUE, ledger={"accepted": 100_090}, in_flight=3, flights=2)


def sight(found: Stats | None, account: str = "default", **facts: object) -> Sight:
    seen = Sight(Settings(account=account, rate=10), found, None if found is None else NOW)
    for name, value in facts.items():
        setattr(seen, name, value)
    return seen


def shown(
    *sights: Sight,
    width: int = 80,
    height: int | None = None,
    no_color: bool = False,
) -> str:
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=True, color_system="standard", no_color=no_color
    )
    console.print(Screen(sights, NOW, "Onport Relay", height))
    return out.getvalue()


def lines(*sights: Sight, **options: int | None) -> list[str]:
    return [line.rstrip() for line in _STYLE.sub("", shown(*sights, **options)).splitlines()]  # type: ignore[arg-type] # sizes


def of(label: str, said: Sequence[str]) -> str:
    """What is said under a label, on as many lines as it takes."""
    (at,) = [place for place, line in enumerate(said) if line.startswith(label)]
    end = next(
        (at + 1 + more for more, line in enumerate(said[at + 1 :]) if not line.startswith(" ")),
        len(said),
    )
    return " / ".join(line[11:].strip() for line in said[at:end])


def used(*requests: int, every_s: float = 1.0) -> Sight:
    """A relay that had sent so many requests, look by look."""
    seen = sight(None)
    for place, many in enumerate(requests):
        seen.stats = at_work(CATALOGUE, ledger={"requests": many, "accepted": 100_000})
        seen.used.note(seen.stats, place * every_s)
    seen.at = NOW
    return seen


@pytest.mark.parametrize("width", [80, 140])
def test_lanes_streams_and_forecast_are_shown(width: int) -> None:
    said = lines(sight(BUSY), width=width, height=24)

    assert said[0].startswith("Onport Relay")
    assert said[0].endswith("14:16:05")
    assert said[1] == "default"
    assert of("Pending", said).startswith("90 high, 100,000 low / lane  channel  kind")
    assert "low   default  product  100,000  0.0 s" in of("Pending", said)
    assert of("In flight", said) == "3 jobs in 2 requests"
    assert of("Forecast", said).startswith(
        "new sales finish in 10 s / catalogue import finishes 14:20 / a new sale now waits about "
    )


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    troubled = at_work(
        pending(Kind.PRODUCT, 7, channel="a" * 60),
        pauses=(pause(f"endpoint:{'a' * 60}:product", cause="refused"), pause("account")),
        outage=OutageStats(openings=3, since_ms=90_000, probing=True),
    )

    assert max(len(line) for line in lines(sight(troubled), width=width)) <= width


@pytest.mark.parametrize("height", [5, 12, 24, 40])
def test_no_picture_is_higher_than_the_terminal(height: int) -> None:
    streams = [pending(Kind.PRODUCT, 7, channel=f"shop{number}") for number in range(30)]
    events = tuple(Event(name=EventName.RATE_SET, to=20.0) for _ in range(20))

    said = lines(sight(at_work(*streams, events=events)), height=height)

    assert len(said) == height


def test_where_there_is_no_room_for_all_streams_it_says_how_many_more() -> None:
    streams = [pending(Kind.PRODUCT, 7, channel=f"shop{number:02}") for number in range(30)]

    said = lines(sight(at_work(*streams)), height=24)

    shop_rows = [line for line in said if " shop" in line and " product " in line]
    (more,) = [line for line in said if line.startswith(" " * 11 + "and ") and "more" in line][:1]
    assert more.strip() == f"and {30 - len(shop_rows)} more lines"


def test_what_is_wrong_keeps_its_place_when_room_is_short() -> None:
    troubled = at_work(
        CATALOGUE,
        pauses=(pause("lane:low"),),
        outage=OutageStats(openings=2, since_ms=9_000, probing=False),
        dead=4,
        emptied_ms=60_000,
        sizes=(SizeStats(kind=Kind.PRODUCT, items=25),),
    )

    said = lines(sight(troubled), height=14)

    assert {"LOST DATA", "Dead", "Paused", "Outage"} <= {line[:11].strip() for line in said}


def test_the_rate_used_is_a_row_of_bars_beside_what_is_allowed() -> None:
    assert of("Used", lines(used(0, 10, 15, 15, 20))) == "█▅▁▅  5 of 10 requests/s"


def test_the_bars_take_the_room_that_a_wide_terminal_has() -> None:
    seen = used(*range(0, 3_000, 10))

    assert of("Used", lines(seen, width=140)).count("█") > of("Used", lines(seen)).count("█") > 40


def test_before_the_second_look_the_rate_used_is_not_known() -> None:
    assert of("Used", lines(used(7))) == "- of 10 requests/s"


def test_the_forecast_reckons_with_the_pace_that_is_reached() -> None:
    # 5 of 10 requests/s for a while: 2,000 requests take 400 s, not 200.
    said = lines(used(*range(0, 50, 5)))

    assert of("Forecast", said).startswith("catalogue import finishes 14:23 ")


def test_a_pause_and_an_event_are_told_with_their_reason() -> None:
    event = Event(name=EventName.OUTAGE_BEGAN, ago_ms=3_000, failures=5)
    said = lines(sight(at_work(pauses=(pause("lane:low"),), events=(event,))), width=140)

    assert of("Paused", said).startswith("the low lane, no reason given (by an operator): until")
    assert of("Event", said) == "3.0 s ago: an outage began: 5 requests in a row failed"


def test_while_the_broker_is_away_the_last_picture_is_grey_and_says_since_when() -> None:
    away = sight(BUSY, away="broker 127.0.0.1:6379: refused")

    said = shown(away).splitlines()

    assert "broker away; seen at 14:16:05: broker 127.0.0.1:6379: refused" in said[1]
    assert all(line.startswith("\x1b[90m") for line in said[2:] if line.strip())


def test_before_the_first_look_a_broker_that_is_away_is_all_there_is() -> None:
    assert lines(sight(None, away="broker x: refused"))[1:] == [
        "default  broker away: broker x: refused"
    ]


def test_without_colours_none_is_written() -> None:
    away = sight(BUSY, away="broker x: refused")

    assert _COLOR.search(shown(away))
    assert not _COLOR.search(shown(away, sight(BUSY), no_color=True))


def test_nothing_of_a_server_s_text_can_steer_the_terminal() -> None:
    assert "\x1b[2J" not in shown(sight(BUSY, away="no \x1b[2J"))


def test_accounts_are_stacked_where_there_is_room() -> None:
    said = lines(sight(BUSY), sight(at_work(), "uk"), height=50)

    assert [line for line in said if line in ("default", "uk")] == ["default", "uk"]
    assert len([line for line in said if line.startswith("Forecast")]) == 2


def test_where_there_is_none_each_account_is_a_line() -> None:
    accounts = [
        sight(at_work(dead=number, ledger={"accepted": number}), f"shop{number}")
        for number in range(4)
    ]

    said = lines(*accounts, height=24)

    assert said[1].split()[:3] == ["account", "high", "low"]
    assert said[3].split() == ["shop1", "0", "0", "-", "10", "1", "0", "1"]
    assert len(said) == 6


def test_in_a_line_it_says_that_the_broker_is_away() -> None:
    accounts = [sight(BUSY, f"shop{number}", away="refused") for number in range(4)]

    said = lines(*accounts, height=24)

    assert said[1] == "broker away: refused"
    assert said[3].endswith("broker away")
