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


def variant(*links: str) -> dict[str, Any]:
    return {"sku": "s", "vendorSkus": [{"vendorSku": link[0], "n": link[1:]} for link in links]}


def wish(version: int, tag: str, *links: str) -> Put:
    return Put("variant", "s", tag, version, variant(*links or ("v",)))


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
    held: tuple[tuple[str, ...], ...] = (),
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


def test_what_was_spooled_is_promised_too() -> None:
    found = verdict([(put(1), Told.SPOOLED)])
    assert (found.lost, found.acknowledged, found.spooled) == ((KEY,), 1, 1)


def test_what_was_refused_may_not_arrive() -> None:
    puts = [(put(1, n=1), ACK), (put(2, n=2), Told.REFUSED)]
    assert verdict(puts, arrival(body(n=1))).faults == ()
    assert verdict(puts, arrival(body(n=1)), arrival(body(n=2))).unexpected == (KEY,)


def test_too_many_unknown_puts_of_a_key_are_said_not_guessed() -> None:
    with pytest.raises(ValueError, match="expected at most 8"):
        verdict([(put(version, n=version), UNKNOWN) for version in range(9)])


def test_of_wishes_the_newest_counts_and_its_kind() -> None:
    puts = [(wish(1, "A"), ACK), (wish(2, "D"), ACK)]
    item, link = wish(1, "A").body, ("variant", "s", "v")
    assert verdict(puts, arrival(item, kind=Kind.DISCONNECT)).faults == ()
    assert verdict(puts, arrival(item, kind=Kind.ACKNOWLEDGE)).lost == (link,)
    late = verdict(puts, arrival(item, kind=Kind.DISCONNECT), arrival(item, kind=Kind.ACKNOWLEDGE))
    assert late.stale == (link,)


ACKNOWLEDGED, DISCONNECTED = Kind.ACKNOWLEDGE, Kind.DISCONNECT
WISHES = [
    (wish(1, "A", "a1", "b1"), ACK),
    (wish(2, "D", "b2", "c2"), ACK),
    (wish(3, "A", "a3"), ACK),
]


@pytest.mark.parametrize(
    "arrived",
    [
        [(ACKNOWLEDGED, "a3"), (DISCONNECTED, "b2", "c2")],
        [(ACKNOWLEDGED, "a1", "b1"), (DISCONNECTED, "b2", "c2"), (ACKNOWLEDGED, "a3")],
        [(ACKNOWLEDGED, "a1"), (DISCONNECTED, "c2", "b2"), (ACKNOWLEDGED, "a3")],
    ],
)
def test_the_links_of_a_variant_may_travel_in_any_company(arrived: list[tuple[Any, ...]]) -> None:
    receipts = [arrival(variant(*links), kind=kind) for kind, *links in arrived]
    assert verdict(WISHES, *receipts).faults == ()


def test_a_link_that_was_left_out_is_lost() -> None:
    puts = [*WISHES, (wish(4, "D", "d4"), ACK)]
    found = verdict(
        puts,
        arrival(variant("a3"), kind=ACKNOWLEDGED),
        arrival(variant("b2", "c2"), kind=DISCONNECTED),
    )
    assert (found.lost, found.unexpected) == ((("variant", "s", "d"),), ())


def test_a_link_whose_older_wish_arrived_last_is_stale() -> None:
    found = verdict(
        WISHES,
        arrival(variant("a3"), kind=ACKNOWLEDGED),
        arrival(variant("b2", "c2"), kind=DISCONNECTED),
        arrival(variant("a1"), kind=ACKNOWLEDGED),
    )
    assert found.stale == (("variant", "s", "a"),)


@pytest.mark.parametrize(
    ("kind", "links"),
    [(ACKNOWLEDGED, ["c2"]), (ACKNOWLEDGED, ["a3", "b2"]), (DISCONNECTED, ["b2"])],
)
def test_links_that_nobody_wished_so_are_unexpected(kind: Kind, links: list[str]) -> None:
    found = verdict(WISHES, arrival(variant(*links), kind=kind))
    assert found.unexpected == (("variant", "s"),)


def test_a_variant_that_is_held_lacks_no_link() -> None:
    assert verdict(WISHES, held=(("variant", "s"),)).faults == ()


def test_a_history_is_read_back_and_a_torn_line_forgotten(tmp_path: Any) -> None:
    path = tmp_path / "history.jsonl"
    with History(path) as history:
        first = history.attempt([put(1), put(2)])
        history.note(first[:1], Told.ACKNOWLEDGED)
        history.note(history.attempt([put(3)]), Told.REFUSED)
    path.write_bytes(path.read_bytes() + b'{"told": "acknow')
    told = [told for _, told in read_history(path)]
    assert told == [Told.ACKNOWLEDGED, Told.UNKNOWN, Told.REFUSED]
