"""Plain Celery as a contender, with either limiter and either pool; why so, tells app.py."""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.peers.peer import Commands, Peer
from tests.benchmarks.peers.setup import HIGH_CONCURRENCY, Setup

_MODULE = "tests.benchmarks.peers.celery.app"
_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR")


def celery(python: Path) -> Peer:
    """Return it with Celery's own rate_limit."""
    setup = "threads, acks_late; under a rate: rate_limit of the task, in one worker of gevent"
    return _peer("celery", "Celery", setup, _both_queues, python)


def celery_prefork(python: Path) -> Peer:
    """Return it with the default pool."""
    setup = "prefork with 4 processes, acks_late"
    return _peer("celery-prefork", "Celery, prefork", setup, _prefork, python)


def celery_bucket(python: Path) -> Peer:
    """Return it with a bucket in Redis and a queue for new sales."""
    setup = "threads, acks_late; a bucket in Redis; a queue and a worker for new sales"
    return _peer("celery-bucket", "Celery, bucket", setup, _a_worker_for_each, python, "bucket")


def _peer(
    name: str, title: str, setup: str, commands: Commands, python: Path, limiter: str = "own"
) -> Peer:
    return Peer(
        name=name,
        title=title,
        setup_text=setup,
        module=_MODULE,
        packages=("celery", "kombu", "gevent", "redis", "hiredis", "httpx"),
        commands=commands,
        python=python,
        environment={"BENCH_LIMITER": limiter},
    )


def _both_queues(setup: Setup) -> Sequence[Sequence[str]]:
    if setup.rate:  # which is each worker's own
        return [_worker("w0", "high,low", "gevent", setup.concurrency * setup.processes)]
    return [
        _worker(f"w{n}", "high,low", "threads", setup.concurrency) for n in range(setup.processes)
    ]


def _prefork(setup: Setup) -> Sequence[Sequence[str]]:
    return [_worker("w0", "high,low", "prefork", 4 * setup.processes)]


def _a_worker_for_each(setup: Setup) -> Sequence[Sequence[str]]:
    queues = "low" if setup.lanes else "high,low"
    workers = [
        _worker(f"w{n}", queues, "threads", setup.concurrency) for n in range(setup.processes)
    ]
    if setup.lanes:
        workers.insert(0, _worker("high", "high", "threads", HIGH_CONCURRENCY))
    return workers


def _worker(name: str, queues: str, pool: str, concurrency: int) -> Sequence[str]:
    celery = ("-m", "celery", "-A", _MODULE, "worker", "-n", f"{name}@%h", "-Q", queues)
    return [*celery, "-P", pool, "-c", str(concurrency), *_QUIET]
