"""A broker that comes back without its data is noticed, whoever notices it."""

import redis
from tests.queue.bench import Bench

from onport_queue.events import EventName


def emptied(bench: Bench) -> None:
    """Take the broker's data away."""
    bench.redis.delete(*bench.redis.keys(bench.prefix + "*"))
    bench.hold()


def test_the_epoch_stays_while_the_data_does(redis_client: redis.Redis) -> None:
    bench = Bench(redis_client)
    first = bench.queue.epoch()
    assert bench.queue.epoch(first) == bench.queue.epoch() == first
    assert bench.queue.stats().emptied_ms is None


def test_a_put_tells_the_epoch(redis_client: redis.Redis) -> None:
    bench = Bench(redis_client)
    assert bench.put("1").epoch == ""
    epoch = bench.queue.epoch()
    assert bench.put("2").epoch == epoch


def test_data_that_is_gone_is_on_record_until_an_operator_accepts_it(
    redis_client: redis.Redis,
) -> None:
    bench = Bench(redis_client)
    before = bench.queue.epoch()
    emptied(bench)

    assert bench.queue.epoch(before) != before
    bench.pass_ms(5_000)
    stats = bench.queue.stats()
    assert stats.emptied_ms == 5_000
    assert [event.name for event in stats.events] == [EventName.EMPTIED]

    assert bench.queue.accept_loss()
    assert not bench.queue.accept_loss()
    assert bench.queue.stats().emptied_ms is None


def test_one_loss_is_recorded_once_however_many_notice_it(redis_client: redis.Redis) -> None:
    bench = Bench(redis_client)
    before = bench.queue.epoch()
    emptied(bench)
    bench.queue.epoch(before)
    bench.queue.epoch(before)
    bench.queue.accept_loss()
    bench.queue.epoch(before)
    stats = bench.queue.stats()
    assert len(stats.events) == 1
    assert stats.emptied_ms is None
