from datetime import UTC, datetime, timedelta

import pytest
import redis
from tests.worker.cli.conftest import bury, pass_hours, put

from onport_queue.letters import Filters
from onport_queue.names import Kind, Lane
from onport_queue.replies import DeadLetter
from onport_queue.store import Queue
from onport_worker.cli.exits import UsageError
from onport_worker.cli.letters import Choice, document, print_table


def letter(key: str = "sale:default:1", **facts: object) -> DeadLetter:
    boring: dict[str, object] = {
        "kind": Kind.SALE,
        "channel": "default",
        "lane": Lane.HIGH,
        "died_ms_ago": 0,
        "put_ms_ago": 0,
        "attempts": 1,
        "last_status": "422",
        "last_text": "no",
    }
    return DeadLetter(key=key, **(boring | facts))  # type: ignore[arg-type] # facts of a test


def found(queue: Queue, filters: Filters) -> list[str]:
    return [letter.key for letter in filters.letters(queue)]


@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        (Filters(), ["sale:uk:1", "product:default:2", "sale:default:3"]),
        (Filters(kind=Kind.SALE), ["sale:uk:1", "sale:default:3"]),
        (Filters(channel="uk"), ["sale:uk:1"]),
        (Filters(status="poison"), ["sale:default:3"]),
        (Filters(since=timedelta(hours=2)), ["sale:default:3"]),
        (Filters(kind=Kind.SALE, status="422"), ["sale:uk:1"]),
        (Filters(kind=Kind.DISCONNECT), []),
    ],
)
def test_only_letters_that_match_every_filter_are_meant(
    queue: Queue, redis_client: redis.Redis, filters: Filters, keys: list[str]
) -> None:
    bury(queue, "1", channel="uk")
    bury(queue, "2", kind=Kind.PRODUCT)
    pass_hours(redis_client, 3)
    bury(queue, "3", status="poison")

    assert found(queue, filters) == keys


@pytest.mark.parametrize(
    ("keys", "filters", "everything", "message"),
    [
        ([], Filters(), False, "nothing is chosen: expected keys"),
        (["sale:default:1"], Filters(kind=Kind.SALE), False, "keys, filters and --all don't mix"),
        (["sale:default:1"], Filters(), True, "keys, filters and --all don't mix"),
        ([], Filters(kind=Kind.SALE), True, "keys, filters and --all don't mix"),
    ],
)
def test_a_choice_is_made_in_exactly_one_way(
    keys: list[str], filters: Filters, everything: bool, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Choice(keys, filters, everything)


def test_a_key_that_names_no_dead_letter_is_told(queue: Queue) -> None:
    bury(queue, "1")
    put(queue, "2")
    choice = Choice(
        ["sale:default:1", "sale:default:1", "sale:default:2", "1", "caf\udce9"],
        Filters(),
        everything=False,
    )

    assert choice.dead_keys(queue) == (
        ["sale:default:1"],
        [
            "sale:default:2: not dead but pending",
            "1: no such dead letter; expected a key as `dead list` prints",
            "caf\udce9: no such dead letter; expected a key as `dead list` prints",
        ],
    )


def test_a_letter_tells_when_it_died() -> None:
    now = datetime(2026, 11, 3, 14, 22, 5, tzinfo=UTC)

    written = document(letter(died_ms_ago=3_600_000), now)

    assert written["died_at"] == "2026-11-03T13:22:05+00:00"


def test_a_row_holds_the_beginning_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([letter(died_ms_ago=60_000, attempts=3, last_text="no  such\n" + "x" * 99)])

    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["key", "kind", "channel", "died", "attempts", "status", "answer"]
    assert row.split() == [
        *("sale:default:1", "sale", "default", "1", "min", "0", "s", "ago", "3", "422"),
        *("no", "such", "x" * 51 + "…"),
    ]


@pytest.mark.parametrize("key", ["sale:default:" + "9" * 200, "product:heart:[red]x[/]", "a:b:c d"])
def test_a_key_is_printed_as_it_is(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_table([letter(key)])

    assert capsys.readouterr().out.splitlines()[1].startswith(f"{key}  ")


def test_an_answer_can_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([letter(last_text="\x1b[2J[/red]")])

    assert "\x1b" not in capsys.readouterr().out
