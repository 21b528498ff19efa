"""Refusals of the hash or the address: a pause, never a job's death."""

from dataclasses import replace

import pytest
from tests.queue.bench import FAST, Bench, everywhere

from onport_queue.events import EventName
from onport_queue.flight import (
    Answer,
    Claim,
    Dead,
    Delivered,
    Granted,
    Halve,
    Paused,
    Released,
    Settlement,
)
from onport_queue.names import Kind, Lane

PROBE_EVERY_MS = 300_000
OLD, NEW = ("old",), ("new",)


def claim(bench: Bench, prints: tuple[str, ...] = OLD) -> Claim:
    bench.pass_ms(1)
    return bench.claim(Lane.LOW, replace(FAST, prints=everywhere(*prints)))


def granted(bench: Bench, prints: tuple[str, ...] = OLD) -> Granted:
    claimed = claim(bench, prints)
    assert isinstance(claimed, Granted), claimed
    return claimed


def answer(bench: Bench, flight: Granted, kind: Answer, status: str) -> None:
    many = len(flight.items)
    verdict = {Answer.ACCEPTED: Delivered(), Answer.REFUSED: Halve() if many > 1 else Dead()}
    verdicts = [verdict.get(kind, Released())] * many
    sent = kind in (Answer.ACCEPTED, Answer.REFUSED)
    bench.queue.settle(flight.lease, Settlement(verdicts, kind, sent=sent, status=status))


def deny(bench: Bench, prints: tuple[str, ...] = OLD) -> None:
    answer(bench, granted(bench, prints), Answer.DENIED, "401")


def accept(bench: Bench, prints: tuple[str, ...] = OLD) -> Granted:
    flight = granted(bench, prints)
    answer(bench, flight, Answer.ACCEPTED, "200")
    return flight


def scopes(bench: Bench) -> list[tuple[str, str]]:
    return [(pause.scope, pause.cause) for pause in bench.queue.stats().pauses]


@pytest.fixture
def busy(bench: Bench) -> Bench:
    bench.put(*(f"s{number:03d}" for number in range(60)))
    return bench


def test_a_401_pauses_the_channel_and_kills_nothing(busy: Bench) -> None:
    busy.put("other", channel="other")
    deny(busy)
    assert scopes(busy) == [("channel:default", "refused")]
    assert granted(busy).channel == "other"
    assert isinstance(claim(busy), Paused)
    assert busy.queue.stats().dead == 0
    assert busy.queue.stats().pauses[0].prints == ("old",)


def test_a_404_pauses_the_endpoint_in_both_lanes_and_no_other(busy: Bench) -> None:
    busy.put("new", lane=Lane.HIGH)
    busy.put("p", kind=Kind.PRODUCT)
    answer(busy, granted(busy), Answer.MISDIRECTED, "404")
    assert scopes(busy) == [("endpoint:default:sale", "refused")]
    assert granted(busy).kind == Kind.PRODUCT
    assert isinstance(claim(busy), Paused)


def test_the_same_hash_is_tried_once_in_five_minutes(busy: Bench) -> None:
    deny(busy)
    paused = claim(busy)
    assert isinstance(paused, Paused)
    assert paused.seconds == pytest.approx(PROBE_EVERY_MS / 1000, abs=0.01)
    busy.pass_ms(PROBE_EVERY_MS)
    probe = granted(busy)
    assert isinstance(claim(busy), Paused)
    answer(busy, probe, Answer.DENIED, "401")
    busy.pass_ms(PROBE_EVERY_MS - 1_000)
    assert isinstance(claim(busy), Paused)


def test_while_a_probe_is_on_its_way_nobody_asks_more_than_once_a_second(busy: Bench) -> None:
    deny(busy)
    busy.pass_ms(PROBE_EVERY_MS)
    granted(busy)
    assert claim(busy) == Paused(1.0)


def test_another_hash_is_tried_at_once_and_its_success_ends_the_pause(busy: Bench) -> None:
    deny(busy)
    probe = granted(busy, NEW)
    assert isinstance(claim(busy, NEW), Paused)
    answer(busy, probe, Answer.ACCEPTED, "200")
    assert scopes(busy) == []
    assert busy.queue.stats().events[0].name == EventName.RESUMED
    granted(busy, NEW)


def test_of_two_hashes_the_other_is_tried_once_and_the_one_that_works_is_remembered(
    busy: Bench,
) -> None:
    both = (*OLD, *NEW)
    flight = granted(busy, both)
    assert flight.print == "old"
    answer(busy, flight, Answer.DENIED, "401")
    probe = granted(busy, both)
    assert probe.print == "new"
    answer(busy, probe, Answer.ACCEPTED, "200")
    assert [granted(busy, both).print for _ in range(3)] == ["new"] * 3


def test_when_both_hashes_are_refused_each_gets_its_turn(busy: Bench) -> None:
    both = (*OLD, *NEW)
    for _ in range(2):
        deny(busy, both)
    tried = []
    for _ in range(3):
        busy.pass_ms(PROBE_EVERY_MS)
        probe = granted(busy, both)
        tried.append(probe.print)
        answer(busy, probe, Answer.DENIED, "401")
    assert tried == ["old", "new", "old"]


def test_a_worker_left_with_the_old_hash_neither_sends_nor_pauses_the_others(
    busy: Bench,
) -> None:
    deny(busy)
    accept(busy, NEW)
    assert isinstance(claim(busy, OLD), Paused)
    busy.pass_ms(PROBE_EVERY_MS)
    trial = granted(busy, OLD)
    assert isinstance(claim(busy, OLD), Paused)
    answer(busy, trial, Answer.DENIED, "401")
    assert scopes(busy) == []
    granted(busy, NEW)


def test_an_old_hash_that_works_again_is_used_again(busy: Bench) -> None:
    deny(busy)
    accept(busy, NEW)
    busy.pass_ms(PROBE_EVERY_MS)
    accept(busy, OLD)
    granted(busy, OLD)
    granted(busy, NEW)


def test_when_the_new_hash_is_taken_back_the_old_one_is_tried_at_once(busy: Bench) -> None:
    deny(busy)
    accept(busy, NEW)
    deny(busy, NEW)
    assert accept(busy, OLD).print == "old"
    granted(busy, OLD)


def test_twenty_different_jobs_refused_alike_are_no_deaths_but_a_pause(busy: Bench) -> None:
    for _ in range(19):
        answer(busy, granted(busy), Answer.REFUSED, "400")
    stats = busy.queue.stats()
    assert (stats.dead, stats.pauses) == (19, ())
    answer(busy, granted(busy), Answer.REFUSED, "400")
    stats = busy.queue.stats()
    assert (stats.dead, stats.pending, stats.ledger.died) == (0, 60, 0)
    assert scopes(busy) == [("endpoint:default:sale", "refused")]
    busy.pass_ms(PROBE_EVERY_MS)
    item = granted(busy).items[0]
    assert (item.key, item.attempts) == ("sale:default:s000", 0)


@pytest.mark.parametrize("between", ["422", "success"])
def test_another_answer_in_between_begins_the_row_anew(busy: Bench, between: str) -> None:
    for _ in range(19):
        answer(busy, granted(busy), Answer.REFUSED, "400")
    if between == "success":
        accept(busy)
    else:
        answer(busy, granted(busy), Answer.REFUSED, between)
    answer(busy, granted(busy), Answer.REFUSED, "400")
    assert scopes(busy) == []


def test_a_job_refused_again_and_again_is_counted_once(bench: Bench) -> None:
    for _ in range(25):
        bench.put("same")
        answer(bench, granted(bench), Answer.REFUSED, "400")
    stats = bench.queue.stats()
    assert (stats.dead, scopes(bench)) == (1, [])


def test_a_probe_that_is_refused_like_the_others_does_not_die(busy: Bench) -> None:
    for _ in range(20):
        answer(busy, granted(busy), Answer.REFUSED, "400")
    busy.pass_ms(PROBE_EVERY_MS)
    answer(busy, granted(busy), Answer.REFUSED, "400")
    stats = busy.queue.stats()
    assert (stats.dead, stats.pending) == (0, 60)
    assert isinstance(claim(busy), Paused)


def test_with_the_right_hash_everything_goes_without_resume(busy: Bench) -> None:
    for _ in range(20):
        answer(busy, granted(busy), Answer.REFUSED, "400")
    for _ in range(60):
        accept(busy, NEW)
    assert busy.queue.stats().ledger.delivered == 60


def test_resume_lets_the_refused_hash_try_again(busy: Bench) -> None:
    deny(busy)
    assert busy.queue.resume("channel:default") == 1
    granted(busy)


def test_a_look_wakes_nobody_for_work_that_is_closed_to_its_worker(busy: Bench) -> None:
    deny(busy)
    assert busy.queue.look([Lane.LOW], 0, prints=everywhere(*OLD)) == ()
    assert busy.queue.look([Lane.LOW], 0, prints=everywhere(*NEW)) == (Lane.LOW,)


def test_what_waits_behind_a_pause_is_counted(busy: Bench) -> None:
    busy.put("p", kind=Kind.PRODUCT)
    deny(busy)
    assert [pause.behind for pause in busy.queue.stats().pauses] == [61]


def test_the_salt_is_made_once(bench: Bench) -> None:
    salt = bench.queue.salt()
    assert len(salt) == 32
    assert bench.queue.salt() == salt
