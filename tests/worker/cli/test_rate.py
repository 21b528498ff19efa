import json

import pytest
import redis
from tests.worker.cli.conftest import Run, pass_hours, put

from onport_queue.flight import Answer, Gate, Granted, Released, Settlement
from onport_queue.names import Lane
from onport_queue.store import Queue


def throttle(queue: Queue, rate: float) -> None:
    """Let a request be answered 429 at that configured rate."""
    put(queue, "1")
    assert isinstance(queue.claim(Lane.HIGH, Gate(rate=rate), "lease"), Granted)
    queue.settle("lease", Settlement([Released()], Answer.THROTTLED, status="429"))


def test_without_an_argument_the_rate_is_shown(run: Run) -> None:
    result = run("rate", RATE="25")

    assert (result.exit_code, result.stdout) == (
        0,
        (
            "configured    25 requests/s\n"
            "set           no\n"
            "allowed now   25 requests/s\n"
            "learnt limit  none\n"
        ),
    )


@pytest.mark.parametrize("wanted", ["0.5", "40"])
def test_a_rate_is_set_below_or_above_the_configured_one(
    run: Run, queue: Queue, wanted: str
) -> None:
    result = run("rate", wanted)

    assert result.exit_code == 0
    assert f"set           {wanted} requests/s, by an operator\n" in result.stdout
    assert f"allowed now   {wanted} requests/s\n" in result.stdout
    assert queue.stats().rate_set == float(wanted)


def test_default_is_back_to_the_configured_rate(run: Run, queue: Queue) -> None:
    queue.set_rate(40)

    result = run("rate", "default")

    assert "set           no\nallowed now   10 requests/s\n" in result.stdout
    assert queue.stats().rate_set is None


def test_a_learnt_limit_is_shown_with_the_429_that_taught_it(
    run: Run, queue: Queue, redis_client: redis.Redis
) -> None:
    throttle(queue, 10)
    pass_hours(redis_client, 1)

    assert "learnt limit  9.9: a 429 came at 10, 1 h 0 min ago\n" in run("rate").stdout


def test_setting_a_rate_forgets_what_was_learnt(run: Run, queue: Queue) -> None:
    throttle(queue, 10)

    assert "learnt limit  none\n" in run("rate", "40").stdout


def test_a_script_gets_all_rates(run: Run, queue: Queue) -> None:
    throttle(queue, 10)

    assert json.loads(run("rate", "--json").stdout) == {
        "configured": 10.0,
        "set": None,
        "allowed": 9.9,
        "limit": 9.9,
    }


@pytest.mark.parametrize(
    "wanted", ["0", "0.0009", "10001", "nan", "inf", "fast", "10/s", "caf\udce9"]
)
def test_what_is_no_rate_is_refused_by_its_value(run: Run, queue: Queue, wanted: str) -> None:
    result = run("rate", wanted)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"onport-relay: rate {wanted!r}: expected requests/s from 0.001 to 10,000, or default\n"
    )
    assert queue.stats().rate_set is None
