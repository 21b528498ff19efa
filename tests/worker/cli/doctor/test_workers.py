import redis
from tests.worker.cli.conftest import pass_hours, put
from tests.worker.cli.doctor.conftest import Diagnose, looked

from onport_queue.clock import SystemClock
from onport_queue.flight import Gate, Granted
from onport_queue.names import Lane
from onport_queue.store import Queue
from onport_worker import __version__
from onport_worker.cli.doctor.finding import Ailment

SECOND_H = 1 / 3600


def now_ms() -> int:
    return round(SystemClock().wall().timestamp() * 1000)


def test_no_worker_is_a_warning_and_with_work_a_fault(diagnose: Diagnose, queue: Queue) -> None:
    assert diagnose().told(Ailment.NO_WORKER)["level"] == "warning"

    put(queue, "1", "2")

    told = diagnose().told(Ailment.NO_WORKER)
    assert told["level"] == "fault"
    assert "2 jobs are to be delivered" in told["text"]


def test_a_lane_with_work_that_no_worker_serves_is_a_fault(
    diagnose: Diagnose, queue: Queue
) -> None:
    looked(queue, Lane.HIGH)
    put(queue, "1", lane=Lane.LOW)

    told = diagnose().told(Ailment.LANE_UNATTENDED)
    assert "1 job of the low lane" in told["text"]
    assert told["advice"] == "start a worker with -Q high,low"

    looked(queue, worker="other@host")
    assert Ailment.LANE_UNATTENDED not in diagnose().ailments


def test_a_channel_with_work_whose_hash_no_worker_has_is_a_fault(
    diagnose: Diagnose, queue: Queue
) -> None:
    looked(queue)
    put(queue, "1", channel="uk")

    assert "1 job of channel uk" in diagnose().told(Ailment.CHANNEL_UNATTENDED)["text"]


def test_a_worker_that_has_stopped_looking_is_a_warning(
    diagnose: Diagnose, queue: Queue, redis_client: redis.Redis
) -> None:
    looked(queue, worker="killed@host")
    pass_hours(redis_client, 60 * SECOND_H)
    looked(queue, worker="other@host")

    told = diagnose().told(Ailment.WORKER_LOST)

    assert told["level"] == "warning"
    assert "worker killed@host has not looked for 1 min" in told["text"]


def test_a_worker_that_took_leave_is_not_missed(
    diagnose: Diagnose, queue: Queue, redis_client: redis.Redis
) -> None:
    looked(queue, worker="stopped@host")
    queue.leave("stopped@host")
    pass_hours(redis_client, 60 * SECOND_H)

    assert Ailment.WORKER_LOST not in diagnose().ailments


def test_a_worker_whose_clock_is_off_is_a_fault(diagnose: Diagnose, queue: Queue) -> None:
    looked(queue, wall_ms=now_ms() - 120_000)

    told = diagnose().told(Ailment.WORKER_CLOCK_SKEW)

    assert "the clock of worker low@host is 2 min 0 s behind the broker's" in told["text"]


def test_a_worker_of_another_version_is_a_warning(diagnose: Diagnose, queue: Queue) -> None:
    looked(queue, version="0.0.1")

    told = diagnose().told(Ailment.VERSION_SKEW)

    assert told["level"] == "warning"
    assert f"runs version 0.0.1, this command is of {__version__}" in told["text"]


def test_a_lease_that_nobody_took_back_is_a_fault(
    diagnose: Diagnose, queue: Queue, redis_client: redis.Redis
) -> None:
    put(queue, "1")
    assert isinstance(queue.claim(Lane.HIGH, Gate(rate=10), "lease"), Granted)
    pass_hours(redis_client, 40 * SECOND_H)

    assert "1 request is" in diagnose().told(Ailment.LEASE_OVERDUE)["text"]


def test_a_worker_of_this_version_with_a_good_clock_is_well(
    diagnose: Diagnose, queue: Queue
) -> None:
    looked(queue, version=__version__, wall_ms=now_ms())
    put(queue, "1")

    found = diagnose()

    assert {"name": "workers", "text": "at work: low@host"}.items() <= next(
        one.items() for one in found.findings if one["name"] == "workers"
    )
    assert set(found.ailments) == {Ailment.HASH_MISSING, Ailment.APPENDFSYNC}
