import pytest
from tests.worker.cli.conftest import stats

from onport_queue.ledger import SizeStats, StreamStats
from onport_queue.names import Kind, Lane
from onport_queue.picture.forecast import drain_s, requests_left
from onport_queue.settings import Settings


def pending(kind: Kind, many: int) -> StreamStats:
    return StreamStats(lane=Lane.LOW, channel="default", kind=kind, pending=many, oldest_ms=0)


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
