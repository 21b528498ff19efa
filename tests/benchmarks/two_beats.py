"""Two beats and a schedule every 5 s for 2 minutes: did each tick run once?

Halfway one beat is killed, as by the kernel, and is not replaced. Run on an idle machine:

    python -m tests.benchmarks.two_beats
    python -m tests.benchmarks.two_beats --redbeat      # needs: pip install celery-redbeat

With --redbeat two beats of celery-redbeat say what is due instead, set up as its manual advises
(beat_max_loop_interval 5 s, redbeat_lock_timeout five times that), and it is the beat that holds
the lock that is killed.
"""

import argparse
import os
import subprocess
import sys
import threading
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.acceptance import feeds
from tests.acceptance.beats import ROOT, account, scheduled

from onport_queue.broker import connect
from onport_queue.clock import SystemClock
from onport_worker.embedded import EmbeddedBroker

_CLOCK = SystemClock()
_QUEUE = "celery"


def ours(home: Path, every_s: int, seconds: float) -> None:
    source = "python:tests.acceptance.feeds:noted"
    with scheduled(home, {"source": source, "every": f"{every_s}s"}, beats=2) as at:
        at.relay.wait_until(lambda: bool(at.runs.history("links")), within_s=30 + every_s)
        let_pass(seconds / 2)
        at.fleet.processes[1].kill()
        let_pass(seconds / 2)
        at.relay.wait_until(lambda: at.runs.standing("links").running is None, within_s=30)
        history = at.runs.history("links")
    calls = len((home / "calls").read_text().splitlines())
    found = account(history, timedelta(seconds=every_s), calls)
    print(f"two beats, every {every_s} s, {seconds:.0f} s; one beat killed halfway")
    print(f"ticks {found.ticks}, ran once {found.ran_once}, calls of the function {found.calls}")
    print(f"latest begin {found.latest_ms:.0f} ms after its tick")
    for line in found.other:
        print(f"not once: {line}")


def redbeats(home: Path, every_s: int, seconds: float) -> None:
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
                while redis.lpop(_QUEUE) is not None:
                    sent.append(now)
                if not is_killed and now > ends_at - seconds / 2:
                    beats[0].kill()
                    is_killed = True
                let_pass(0.05)
        finally:
            for beat in beats:
                beat.kill()
                beat.wait()
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    print(f"two redbeats, every {every_s} s, {seconds:.0f} s; the one with the lock killed halfway")
    print(f"sent {len(sent)}, longest gap {max(gaps):.1f} s")


def let_pass(seconds: float) -> None:
    _CLOCK.wait(threading.Event(), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--redbeat", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory() as directory:
        os.environ["PYTHONPATH"] = str(ROOT)
        os.environ[feeds.FOLDER] = directory
        measure = redbeats if options.redbeat else ours
        measure(Path(directory), options.every, options.seconds)


if __name__ == "__main__":
    main()
