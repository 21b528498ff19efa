import pytest

from onport_sandbox.bucket import NoLimit, TokenBucket


def test_a_burst_passes_at_once_and_no_more() -> None:
    bucket = TokenBucket(rate=10, burst=2, now=0)
    assert [bucket.take(0) > 0 for _ in range(3)] == [False, False, True]


def test_a_refusal_tells_the_seconds_until_the_next_token() -> None:
    bucket = TokenBucket(rate=10, burst=1, now=0)
    bucket.take(0)
    assert bucket.take(0.025) == pytest.approx(0.075)


def test_a_request_that_waits_as_told_passes() -> None:
    bucket = TokenBucket(rate=3, burst=1, now=0)
    now = 0.0
    for _ in range(1000):
        assert bucket.take(now) == 0
        now += bucket.take(now)


def test_refusals_take_no_tokens() -> None:
    bucket = TokenBucket(rate=1, burst=1, now=0)
    bucket.take(0)
    for tenth in range(10):
        assert bucket.take(tenth / 10) > 0
    assert bucket.take(1) == 0


def test_an_idle_bucket_holds_a_burst_at_most() -> None:
    bucket = TokenBucket(rate=10, burst=2, now=0)
    assert sum(bucket.take(3600) == 0 for _ in range(5)) == 2


def test_without_a_limit_everything_passes() -> None:
    assert sum(NoLimit().take(0) for _ in range(100)) == 0
