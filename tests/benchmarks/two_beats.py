"""Two beats and a schedule every 5 s for 2 minutes: did each tick run once?

Halfway one beat is killed, as by the kernel, and is not replaced; with --restart it is the broker
that is killed, and it is started again at once. Run on an idle machine:

    python -m tests.benchmarks.two_beats
    python -m tests.benchmarks.two_beats --restart
    python -m tests.benchmarks.two_beats --redbeat      # needs: pip install celery-redbeat

With --redbeat two beats of celery-redbeat say what is due instead, set up as its manual advises
(beat_max_loop_interval 5 s, redbeat_lock_timeout five times that), and it is the beat that holds
the lock that is killed.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis
from redis.exceptions import RedisError
from tests.acceptance import feeds
from tests.acceptance.beats import ROOT, account, scheduled

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_worker.embedded import EmbeddedBroker

_CLOCK = SystemClock()
_QUEUE = "celery"


def ours(home: Path, every_s: int, seconds: float, *, restart: bool) -> None:
    source = "python:tests.acceptance.feeds:noted"
    with scheduled(home, {"source": source, "every": f"{every_s}s"}, beats=2) as at:
        at.relay.wait_until(lambda: bool(at.runs.history("links")), within_s=30 + every_s)
        let_pass(seconds / 2)
        if restart:
            kill_broker(at.relay.redis)
        else:
            at.fleet.processes[1].kill()
        let_pass(seconds / 2)
        at.relay.wait_until(lambda: at.runs.standing("links").running is None, within_s=30)
        history = at.runs.history("links")
    calls = len((home / "calls").read_text().splitlines())
    found = account(history, timedelta(seconds=every_s), calls)
    print(f"two beats, every {every_s} s, {seconds:.0f} s; {halfway(restart=restart)}")
    print(f"ticks {found.ticks}, ran once {found.ran_once}, calls of the function {found.calls}")
    print(f"latest begin {found.latest_ms:.0f} ms after its tick")
    for line in found.other:
        print(f"not once: {line}")


def redbeats(home: Path, every_s: int, seconds: float, *, restart: bool) -> None:
    with EmbeddedBroker(home / "broker", appendfsync="no") as broker, connect(broker.url) as redis:
        environment = {**os.environ, "TWO_BEATS_URL": broker.url, "TWO_BEATS_EVERY": str(every_s)}
        command = [sys.executable, "-m", "celery", "-A", "tests.benchmarks.redbeat_app", "-q"]
        command += ["beat", "-l", "CRITICAL"]
        beats = []
        try:
            for _ in range(2):
                beats.append(subprocess.Popen(command, env=environment, cwd=ROOT))
                let_pass(3)  # the first one has the lock
            sent: list[float] = []
            ends_at = _CLOCK.monotonic_s() + seconds
            is_killed = False
            while (now := _CLOCK.monotonic_s()) < ends_at:
                with suppress(RedisError):  # the broker is not back yet
                    while redis.lpop(_QUEUE) is not None:
                        sent.append(now)
                if not is_killed and now > ends_at - seconds / 2:
                    kill_broker(redis) if restart else beats[0].kill()
                    is_killed = True
                let_pass(0.05)
            ended = sum(beat.poll() is not None for beat in beats)
        finally:
            for beat in beats:
                beat.kill()
                beat.wait()
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    print(f"two redbeats, every {every_s} s, {seconds:.0f} s; {halfway(restart=restart)}")
    print(f"sent {len(sent)}, longest gap {max(gaps):.1f} s, beats that had ended {ended}")


def kill_broker(redis: Redis) -> None:
    os.kill(int(redis.info("server")["process_id"]), signal.SIGKILL)


def halfway(*, restart: bool) -> str:
    return f"the {'broker' if restart else 'first beat'} killed halfway"


def let_pass(seconds: float) -> None:
    _CLOCK.wait(threading.Event(), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--redbeat", action="store_true")
    parser.add_argument("--restart", action="store_true", help="kill the broker, not a beat")
    options = parser.parse_args()
    with TemporaryDirectory() as directory:
        os.environ["PYTHONPATH"] = str(ROOT)
        os.environ[feeds.FOLDER] = directory
        measure = redbeats if options.redbeat else ours
        measure(Path(directory), options.every, options.seconds, restart=options.restart)


if __name__ == "__main__":
    main()
