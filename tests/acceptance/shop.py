"""A shop in a process of its own: puts goods of all kinds and notes what it is told.

    python -m tests.acceptance.shop NAME INCARNATION HISTORY --seed S --rate R --seconds T

Its settings are in the environment. It ends when its time is over and its spool is empty; killed at
any moment, the next incarnation goes on with newer versions of the same keys.
"""

import argparse
import random
import sys
import threading
from pathlib import Path

from tests.acceptance.goods import Counter, Goods
from tests.acceptance.history import History

from onport_producers import Producer
from onport_producers.spool import Spool
from onport_queue.clock import SystemClock
from onport_queue.settings import load_settings

KEYS = 60
_VERSIONS_EACH = 1_000_000
_FLUSHED_WITHIN_S = 60.0
_CLOCK = SystemClock()


def main() -> int:
    """Work until the time is over; return 0 if nothing is left in the spool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("incarnation", type=int)
    parser.add_argument("history", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    settings = load_settings()
    chance = random.Random(f"{options.seed} {options.name} {options.incarnation}")
    goods = Goods(options.name, KEYS, chance, options.incarnation * _VERSIONS_EACH)
    with History(options.history) as history:
        counter = Counter(Producer(settings), history)
        _work(goods, counter, options.rate, options.seconds)
    spool = Spool.of(settings, _CLOCK)
    patient_until = _CLOCK.monotonic_s() + _FLUSHED_WITHIN_S
    while spool.is_holding() and _CLOCK.monotonic_s() < patient_until:
        _CLOCK.wait(threading.Event(), 0.1)
    return 1 if spool.is_holding() else 0


def _work(goods: Goods, counter: Counter, rate: float, seconds: float) -> None:
    began, never = _CLOCK.monotonic_s(), threading.Event()
    for calls, puts in enumerate(goods.some(), start=1):
        counter.put(puts)
        now_s = _CLOCK.monotonic_s() - began
        if now_s > seconds:
            return
        _CLOCK.wait(never, calls / rate - now_s)


if __name__ == "__main__":
    sys.exit(main())
