"""Dead letters: listed, replayed behind live work, discarded and counted."""

import pytest
from tests.queue.bench import FAST, Bench

from onport_queue.flight import Answer, Dead, Granted, Released, Settlement
from onport_queue.names import Kind, Lane
from onport_queue.replies import Replayed


def granted(bench: Bench) -> Granted:
    bench.pass_ms(1)
    claim = bench.claim(Lane.LOW, FAST)
    assert isinstance(claim, Granted), claim
    return claim


def kill(bench: Bench, *keys: str, kind: Kind = Kind.SALE, lane: Lane = Lane.LOW) -> None:
    for key in keys:
        bench.put(key, kind=kind, lane=lane)
        settlement = Settlement([Dead()], Answer.NONE, status="422", text="no such sku")
        flight = granted(bench)
        bench.queue.settle(flight.lease, settlement)


def order(bench: Bench, many: int) -> list[str]:
    return [granted(bench).items[0].key.rsplit(":", 1)[1] for _ in range(many)]


def test_a_dead_letter_says_what_was_answered_and_when(bench: Bench) -> None:
    kill(bench, "1", lane=Lane.HIGH)
    bench.pass_ms(5_000)
    (letter,) = bench.queue.dead()
    assert (letter.key, letter.kind, letter.channel) == ("sale:default:1", Kind.SALE, "default")
    assert (letter.lane, letter.attempts) == (Lane.HIGH, 1)
    assert (letter.last_status, letter.last_text) == ("422", "no such sku")
    assert letter.died_ms_ago == 5_000


def test_dead_letters_come_in_the_order_of_their_deaths_page_by_page(bench: Bench) -> None:
    keys = [f"k{number:04d}" for number in range(1_003)]
    kill(bench, *keys)
    assert [letter.key.rsplit(":", 1)[1] for letter in bench.queue.dead()] == keys


@pytest.mark.parametrize("gone", ["k0000", "k0499", "k0500"])
def test_letters_that_leave_while_pages_are_read_hide_no_others(bench: Bench, gone: str) -> None:
    keys = [f"k{number:04d}" for number in range(700)]
    kill(bench, *keys)
    letters = bench.queue.dead()
    read = [next(letters).key for _ in range(500)]
    bench.queue.replay([f"sale:default:{gone}"])
    read += [letter.key for letter in letters]
    others = {f"sale:default:{key}" for key in keys} - {f"sale:default:{gone}"}
    assert len(read) == len(set(read))
    assert others <= set(read)


def test_since_leaves_out_those_that_died_earlier(bench: Bench) -> None:
    kill(bench, "old")
    bench.pass_ms(10_000)
    kill(bench, "young")
    assert [letter.key for letter in bench.queue.dead(since_ms=5_000)] == ["sale:default:young"]


def test_a_replayed_job_is_pending_with_fresh_attempts_and_wakes_its_lane(bench: Bench) -> None:
    kill(bench, "1")
    assert bench.queue.replay(["sale:default:1"]) == Replayed(1, (Lane.LOW,))
    item = granted(bench).items[0]
    assert (item.key, item.attempts) == ("sale:default:1", 0)
    assert list(bench.queue.dead()) == []


def test_only_the_dead_are_replayed_or_discarded(bench: Bench) -> None:
    bench.put("alive")
    keys = ["sale:default:alive", "sale:default:unknown"]
    assert bench.queue.replay(keys) == Replayed(0, ())
    assert bench.queue.discard(keys) == 0
    assert bench.queue.stats().pending == 1


def test_replayed_jobs_go_after_live_work_of_their_stream_whenever_it_came(bench: Bench) -> None:
    kill(bench, "dead1", "dead2")
    bench.put("before")
    bench.queue.replay(["sale:default:dead1", "sale:default:dead2"])
    bench.put("after")
    assert order(bench, 4) == ["before", "after", "dead1", "dead2"]


def test_replayed_jobs_go_after_live_work_of_other_streams_of_their_lane(bench: Bench) -> None:
    kill(bench, "dead1", "dead2")
    bench.queue.replay(["sale:default:dead1", "sale:default:dead2"])
    bench.put(*(f"p{number}" for number in range(120)), kind=Kind.PRODUCT)
    kinds = [granted(bench).kind for _ in range(5)]
    assert kinds == [Kind.PRODUCT] * 3 + [Kind.SALE] * 2


def test_a_replayed_job_keeps_its_place_when_it_comes_back(bench: Bench) -> None:
    kill(bench, "dead")
    bench.queue.replay(["sale:default:dead"])
    flight = granted(bench)
    bench.queue.settle(flight.lease, Settlement([Released()], Answer.NONE, sent=False))
    bench.put("live")
    assert order(bench, 2) == ["live", "dead"]


def test_a_newer_put_makes_a_replayed_job_live_work_again(bench: Bench) -> None:
    kill(bench, "dead1", "dead2")
    bench.queue.replay(["sale:default:dead1", "sale:default:dead2"])
    bench.put("dead2")
    bench.put("live")
    assert order(bench, 3) == ["dead2", "live", "dead1"]


def test_discarded_jobs_are_gone_and_counted(bench: Bench) -> None:
    kill(bench, "1", "2")
    assert bench.queue.discard(["sale:default:1", "sale:default:2"]) == 2
    stats = bench.queue.stats()
    assert (stats.dead, stats.ledger.discarded, stats.imbalance) == (0, 2, 0)


def test_more_than_five_hundred_keys_at_a_time_are_refused(bench: Bench) -> None:
    keys = ["sale:default:1"] * 501
    for operation in (bench.queue.replay, bench.queue.discard):
        with pytest.raises(ValueError, match="at most 500 keys"):
            operation(keys)
