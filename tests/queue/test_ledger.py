from typing import Any

import pytest

from onport_queue.ledger import Ledger, Stats, StreamStats
from onport_queue.names import Kind, Lane

STATES = ("pending", "waiting", "delayed", "in_flight", "dead")
EVENTS = ("delivered", "folded", "duplicate", "unchanged", "superseded", "discarded")
BESIDE = ("requests", "retried", "released", "expired", "fenced", "died")


def stats(ledger: Any = None, **fields: Any) -> Stats:
    return Stats(**{"ledger": ledger or {}, "flights": 0, **dict.fromkeys(STATES, 0), **fields})


def stream(kind: Kind, pending: int, lane: Lane = Lane.LOW) -> StreamStats:
    return StreamStats(lane=lane, channel="default", kind=kind, pending=pending, oldest_ms=0)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_ends_what_was_accepted(event: str) -> None:
    assert stats({"accepted": 3, event: 3}).imbalance == 0


@pytest.mark.parametrize("state", STATES)
def test_a_state_holds_what_was_accepted(state: str) -> None:
    assert stats({"accepted": 3}, **{state: 3}).imbalance == 0


@pytest.mark.parametrize("counter", BESIDE)
def test_other_counters_stand_beside_the_identity(counter: str) -> None:
    assert stats({counter: 3}).imbalance == 0


def test_a_lost_job_shows_as_a_positive_imbalance_and_a_doubled_one_as_a_negative() -> None:
    assert stats({"accepted": 1}).imbalance == 1
    assert stats({"accepted": 1}, pending=1, in_flight=1).imbalance == -1


def test_every_counter_is_named_here() -> None:
    assert set(Ledger.model_fields) == {"accepted", *EVENTS, *BESIDE}


def test_dead_jobs_are_finished() -> None:
    held = stats(pending=1, waiting=2, delayed=4, in_flight=8, dead=16)
    assert held.unfinished == 15


def test_streams_tell_the_depth_of_a_lane_and_the_requests_left() -> None:
    streams = (stream(Kind.PRODUCT, 101), stream(Kind.SALE, 3), stream(Kind.SALE, 2, Lane.HIGH))
    found = stats(streams=streams)
    assert (found.pending_in(Lane.LOW), found.pending_in(Lane.HIGH)) == (104, 2)
    assert found.requests_left({Kind.PRODUCT: 50, Kind.SALE: 1}) == 3 + 3 + 2


@pytest.mark.parametrize("empty", ["{}", "[]"])
def test_an_empty_ledger_is_read_however_lua_writes_it(empty: str) -> None:
    counts = "".join(f',"{state}":0' for state in STATES)
    text = f'{{"ledger":{empty},"flights":0{counts}}}'
    assert Stats.model_validate_json(text).ledger == Ledger()
