import pytest
from tests.worker.cli.conftest import stats

from onport_queue.ledger import OutageStats, PauseStats, SizeStats, Stats, StreamStats
from onport_queue.names import Kind, Lane
from onport_queue.picture.forecast import Expected, drain_s, forecast, requests_left
from onport_queue.settings import ChannelSettings, Settings


def pending(
    kind: Kind, many: int, *, lane: Lane = Lane.LOW, channel: str = "default"
) -> StreamStats:
    return StreamStats(lane=lane, channel=channel, kind=kind, pending=many, oldest_ms=0)


def at_work(*streams: StreamStats, **facts: object) -> Stats:
    """A relay with a worker and these streams."""
    many = sum(stream.pending for stream in streams)
    return stats(**{"streams": streams, "pending": many, "workers": ("low@host",)} | facts)


def pause(scope: str, *, left_ms: int = -1, cause: str = "operator") -> PauseStats:
    return PauseStats(scope=scope, cause=cause, reason="", left_ms=left_ms, since_ms=0)


def drained(found: Stats, settings: Settings | None = None) -> list[float | None]:
    told = forecast(found, settings or Settings(rate=10)).streams
    return [stream.drained.seconds for stream in told]


def waits(found: Stats, settings: Settings | None = None) -> dict[Lane, float | None]:
    told = forecast(found, settings or Settings(rate=10)).new_jobs
    return {new.lane: new.sent.seconds for new in told if new.channel == "default"}


@pytest.mark.parametrize(
    ("kind", "many", "requests"),
    [(Kind.SALE, 3, 3), (Kind.PRODUCT, 50, 1), (Kind.PRODUCT, 51, 2), (Kind.ACKNOWLEDGE, 1, 1)],
)
def test_sales_go_one_by_one_and_everything_else_in_batches(
    kind: Kind, many: int, requests: int
) -> None:
    assert requests_left(stats(streams=(pending(kind, many),)), Settings()) == requests


def test_a_learnt_size_makes_more_requests_of_the_same() -> None:
    found = stats(
        streams=(pending(Kind.PRODUCT, 50), pending(Kind.DISCONNECT, 50)),
        sizes=(SizeStats(kind=Kind.PRODUCT, items=25), SizeStats(kind=Kind.DISCONNECT, bytes=9)),
    )

    assert requests_left(found, Settings()) == 3


def test_a_size_learnt_under_larger_batches_does_not_enlarge_them() -> None:
    found = stats(
        streams=(pending(Kind.PRODUCT, 50),), sizes=(SizeStats(kind=Kind.PRODUCT, items=40),)
    )

    assert requests_left(found, Settings(batch_items=10)) == 5


@pytest.mark.parametrize(
    ("rate_allowed", "rate_set", "seconds"), [(4.0, 8.0, 5.0), (None, 8.0, 2.5), (None, None, 2.0)]
)
def test_it_takes_as_long_as_the_rate_allowed_now_makes_it(
    rate_allowed: float | None, rate_set: float | None, seconds: float
) -> None:
    found = stats(streams=(pending(Kind.SALE, 20),), rate_allowed=rate_allowed, rate_set=rate_set)

    assert drain_s(found, Settings(rate=10)) == seconds


CATALOGUE = pending(Kind.PRODUCT, 100_000)
SALES = pending(Kind.SALE, 90, lane=Lane.HIGH)


def test_a_stream_alone_takes_its_requests_at_the_rate() -> None:
    assert drained(at_work(CATALOGUE)) == [200.0]


def test_new_sales_go_first_but_for_the_low_lane_s_share() -> None:
    # 90 of the first 100 tokens are theirs; the catalogue's 2,000 and those 90 take 209 s.
    assert drained(at_work(SALES, CATALOGUE)) == [10.0, 209.0]


def test_without_a_share_the_low_lane_waits_for_the_other() -> None:
    settings = Settings(rate=10, low_lane_share=0)

    assert drained(at_work(SALES, CATALOGUE), settings) == [9.0, 209.0]


def test_a_small_stream_takes_turns_with_a_large_one() -> None:
    updates = pending(Kind.SALE, 10)

    assert drained(at_work(updates, CATALOGUE)) == [2.0, 201.0]


def test_a_pace_below_the_rate_is_reckoned_with() -> None:
    told = forecast(at_work(CATALOGUE), Settings(rate=1_000), pace=20)

    assert told.streams[0].drained == Expected(100.0)


def test_a_new_sale_waits_for_the_next_token_while_a_catalogue_is_loaded() -> None:
    assert waits(at_work(CATALOGUE)) == pytest.approx({Lane.HIGH: 0.1 / 0.9, Lane.LOW: 0.2})


def test_a_new_sale_waits_for_those_before_it_and_an_update_for_its_share() -> None:
    assert waits(at_work(SALES)) == {Lane.HIGH: 9.1, Lane.LOW: 1.0}


def test_on_an_idle_relay_nothing_waits() -> None:
    assert waits(at_work()) == {Lane.HIGH: 0.0, Lane.LOW: 0.0}


def test_a_pause_that_ends_is_added() -> None:
    found = at_work(CATALOGUE, pauses=(pause("account", left_ms=30_000, cause="throttled"),))

    assert drained(found) == [230.0]
    assert waits(at_work(pauses=(pause("account", left_ms=30_000),)))[Lane.HIGH] == 30.1


def test_what_is_paused_without_an_end_holds_up_nothing_else() -> None:
    updates = pending(Kind.SALE, 100)
    found = at_work(updates, CATALOGUE, pauses=(pause("endpoint:default:product"),))

    told = forecast(found, Settings(rate=10)).streams

    assert [stream.drained for stream in told] == [
        Expected(10.0),
        Expected(None, "product requests of channel default are resumed"),
    ]


def test_a_refused_channel_leaves_the_others_alone() -> None:
    settings = Settings(rate=10, channels={"uk": ChannelSettings()})
    found = at_work(pauses=(pause("channel:uk", left_ms=1_000, cause="refused"),))

    told = forecast(found, settings).new_jobs

    assert [(new.channel, new.sent) for new in told if new.lane is Lane.HIGH] == [
        ("default", Expected(0.0)),
        ("uk", Expected(None, "an answer is accepted")),
    ]


@pytest.mark.parametrize(
    ("facts", "until"),
    [
        ({"workers": ()}, "a worker is at work"),
        (
            {"outage": OutageStats(openings=1, since_ms=0, probing=False)},
            "the endpoint answers again",
        ),
        ({"pauses": (pause("account"),)}, "the whole account is resumed"),
    ],
)
def test_what_nobody_knows_is_not_forecast(facts: dict[str, object], until: str) -> None:
    told = forecast(at_work(CATALOGUE, **facts), Settings())

    assert told.streams[0].drained == Expected(None, until)
    assert {new.sent for new in told.new_jobs} == {Expected(None, until)}
