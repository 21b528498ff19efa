"""The checker finds what is wrong, and nothing else."""

from typing import Any

import pytest
from tests.acceptance.accounting import Verdict, account
from tests.acceptance.history import History, Put, Told, read_history

from onport_sandbox import Item, Kind, Receipt, canonical_digest

ACK, UNKNOWN = Told.ACKNOWLEDGED, Told.UNKNOWN
KIND_OF_TAG = {"A": Kind.ACKNOWLEDGE, "D": Kind.DISCONNECT}
KEY = ("sale", "1")


def put(version: int, tag: str = "F", **fields: Any) -> Put:
    return Put("sale", "1", tag, version, {"externalId": "1", **fields})


def wish(version: int, tag: str) -> Put:
    return Put("variant", "s", tag, version, {"sku": "s", "vendorSkus": [{"vendorSku": "v"}]})


def arrival(*bodies: dict[str, Any], kind: Kind = Kind.SALE, applied: bool = True) -> Receipt:
    items = tuple(
        Item(str(body.get("externalId", body.get("sku"))), canonical_digest(body))
        for body in bodies
    )
    return Receipt(
        at=1.0,
        started=1.0,
        method="POST",
        path="/",
        kind=kind,
        channel="default",
        status=200 if applied else 503,
        applied=applied,
        fault=None,
        items=items,
    )


def verdict(
    puts: list[tuple[Put, Told]],
    *receipts: Receipt,
    held: tuple[tuple[str, str], ...] = (),
) -> Verdict:
    return account([puts], receipts, held)


def body(**fields: Any) -> dict[str, Any]:
    return {"externalId": "1", **fields}


def test_what_arrived_as_it_was_meant_is_good() -> None:
    found = verdict(
        [(put(1, n=1), ACK), (put(2, n=2), ACK)], arrival(body(n=1)), arrival(body(n=2))
    )
    assert found.faults == ()
    assert (found.acknowledged, found.arrived, found.duplicates) == (2, 2, 0)


def test_what_was_folded_away_is_not_lost() -> None:
    assert verdict([(put(1, n=1), ACK), (put(2, n=2), ACK)], arrival(body(n=2))).faults == ()


def test_an_older_version_that_was_put_later_is_not_lost() -> None:
    assert verdict([(put(2, n=2), ACK), (put(1, n=1), ACK)], arrival(body(n=2))).faults == ()


def test_what_was_acknowledged_and_is_nowhere_is_lost() -> None:
    found = verdict([(put(1), ACK)])
    assert found.lost == (KEY,)
    assert found.faults == ("lost 1: (('sale', '1'),)",)


def test_what_arrived_and_was_not_applied_is_lost() -> None:
    assert verdict([(put(1), ACK)], arrival(body(), applied=False)).lost == (KEY,)


def test_what_is_held_is_not_lost() -> None:
    assert verdict([(put(1), ACK)], held=(KEY,)).faults == ()


def test_a_newest_state_that_never_arrived_is_lost() -> None:
    found = verdict([(put(1, n=1), ACK), (put(2, n=2), ACK)], arrival(body(n=1)))
    assert found.lost == (KEY,)


def test_an_older_state_that_arrived_last_is_stale() -> None:
    found = verdict(
        [(put(1, n=1), ACK), (put(2, n=2), ACK)], arrival(body(n=2)), arrival(body(n=1))
    )
    assert found.stale == (KEY,)


@pytest.mark.parametrize(
    "arrived",
    [
        [body(n=1, a=2, b=3)],
        [body(n=1), body(a=2), body(b=3)],
        [body(n=1, a=2), body(b=3)],
        [body(n=1), body(a=2, b=3)],
    ],
)
def test_partial_puts_may_arrive_folded_in_any_way(arrived: list[dict[str, Any]]) -> None:
    puts = [(put(1, n=1), ACK), (put(2, "P", a=2), ACK), (put(3, "P", b=3), ACK)]
    assert verdict(puts, *map(arrival, arrived)).faults == ()


def test_a_partial_put_that_was_left_out_is_lost() -> None:
    puts = [(put(1, n=1), ACK), (put(2, "P", a=2), ACK), (put(3, "P", b=3), ACK)]
    found = verdict(puts, arrival(body(n=1)), arrival(body(b=3)))
    assert found.lost == (KEY,)


def test_partial_puts_in_the_wrong_order_are_stale() -> None:
    puts = [(put(1, n=1), ACK), (put(2, "P", a=2), ACK), (put(3, "P", a=3), ACK)]
    found = verdict(puts, arrival(body(n=1)), arrival(body(a=3)), arrival(body(a=2)))
    assert found.stale == (KEY,)


@pytest.mark.parametrize("arrived", [[body(n=9)], [body(n=1), body(n=9)]])
def test_what_nobody_put_is_unexpected(arrived: list[dict[str, Any]]) -> None:
    assert verdict([(put(1, n=1), ACK)], *map(arrival, arrived)).unexpected == (KEY,)


def test_a_key_that_nobody_put_is_unexpected() -> None:
    assert verdict([], arrival(body())).unexpected == (KEY,)


def test_an_unknown_put_may_be_there_or_not() -> None:
    puts = [(put(1, n=1), ACK), (put(2, n=2), UNKNOWN)]
    absent = verdict(puts, arrival(body(n=1)))
    present = verdict(puts, arrival(body(n=1)), arrival(body(n=2)))
    assert (absent.faults, absent.recovered) == ((), 0)
    assert (present.faults, present.recovered) == ((), 1)


def test_an_unknown_put_does_not_excuse_an_older_state() -> None:
    puts = [(put(1, n=1), ACK), (put(2, n=2), ACK), (put(3, n=3), UNKNOWN)]
    assert verdict(puts, arrival(body(n=1))).lost == (KEY,)


def test_what_arrives_again_is_a_duplicate() -> None:
    found = verdict([(put(1), ACK)], arrival(body()), arrival(body()), arrival(body()))
    assert (found.faults, found.duplicates) == ((), 2)


def test_of_wishes_the_newest_counts_and_its_kind() -> None:
    puts = [(wish(1, "A"), ACK), (wish(2, "D"), ACK)]
    item = wish(1, "A").body
    assert verdict(puts, arrival(item, kind=Kind.DISCONNECT)).faults == ()
    assert verdict(puts, arrival(item, kind=Kind.ACKNOWLEDGE)).lost == (("variant", "s"),)
    late = verdict(puts, arrival(item, kind=Kind.DISCONNECT), arrival(item, kind=Kind.ACKNOWLEDGE))
    assert late.stale == (("variant", "s"),)


def test_a_history_is_read_back_and_a_torn_line_forgotten(tmp_path: Any) -> None:
    path = tmp_path / "history.jsonl"
    with History(path) as history:
        first = history.attempt([put(1), put(2)])
        history.note(first[:1], Told.ACKNOWLEDGED)
        history.note(history.attempt([put(3)]), Told.REFUSED)
    path.write_bytes(path.read_bytes() + b'{"told": "acknow')
    told = [told for _, told in read_history(path)]
    assert told == [Told.ACKNOWLEDGED, Told.UNKNOWN, Told.REFUSED]
