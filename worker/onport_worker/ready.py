"""Whether a worker or the beat is at work: `python -m onport_worker.ready --help`.

For health checks: it asks Redis, and so knows whether one does its part there, not only whether a
process is alive.
"""

import argparse
import socket
import sys
from collections.abc import Sequence

from redis import Redis
from redis.exceptions import RedisError

from onport_queue.broker import connect, unreachable
from onport_queue.errors import BrokerUnavailableError, RelayError, SettingsError
from onport_queue.runs import Runs
from onport_queue.settings import Settings, load_settings
from onport_queue.store import Queue

_TIMEOUT_S = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if it is at work, else 1."""
    options = _parser().parse_args(arguments)
    try:
        doubt = _doubt(load_settings(), options.worker)
    except RelayError as error:
        doubt = str(error)
    if doubt is None:
        return 0
    sys.stderr.write(f"ready: {doubt}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m onport_worker.ready",
        description="Exits 0 if it is at work: a worker of this host that has looked for work "
        "within the last five seconds, or a beat that has looked for schedules within the last "
        "half minute. Else exits 1, and says why.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--worker", metavar="NAME", help="the worker NAME@HOST, as in celery's `-n NAME@%%h`"
    )
    what.add_argument("--beat", action="store_true", help="a beat, on whatever host")
    return parser


def _doubt(settings: Settings, worker: str | None) -> str | None:
    if settings.redis_url is None:
        raise SettingsError("redis_url: missing; set ONPORT_RELAY_REDIS_URL")
    with connect(settings.redis_url, timeout_s=_TIMEOUT_S, retries=0) as redis:
        try:
            if worker is None:
                return None if Runs.of(redis, settings).beat() else "no beat is at work"
            name, at_work = f"{worker}@{socket.gethostname()}", _workers(redis, settings)
        except RedisError as error:
            raise BrokerUnavailableError(unreachable(redis, error)) from error
    if name in at_work:
        return None
    return f"{name} is not at work; at work: {', '.join(sorted(at_work)) or 'none'}"


def _workers(redis: Redis, settings: Settings) -> set[str]:
    """Return the workers that look for work, for whichever account."""
    accounts = (settings.for_account(name) for name in settings.account_names)
    return {worker for each in accounts for worker in Queue.of(redis, each).stats().workers}


if __name__ == "__main__":
    sys.exit(main())
