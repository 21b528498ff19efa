"""What makes a few spooled puts slow: puts during an outage, and what else went on at the time.

    python -m tests.benchmarks.spooled_puts [--seconds 120] [--freeze]

Beside the puts, in the same process, a bare loop writes 4 KB to the same disk and calls fsync, and
the pauses of the garbage collector are noted. --freeze calls gc.freeze() once all is loaded.
"""

import argparse
import gc
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.proxy import Proxy

from onport_producers import Producer, State
from onport_queue.clock import SystemClock
from onport_queue.settings import load_settings

_PUTS_PER_S = 50
_SHOWN = 8
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took a while."""

    began_s: float
    seconds: float

    @property
    def ms(self) -> float:
        """How long it took."""
        return self.seconds * 1000

    def shared_with(self, others: "list[Span]") -> float:
        """Return how many ms of it one of the others took at the same time, at most."""
        ended = self.began_s + self.seconds
        shares = (
            min(ended, other.began_s + other.seconds) - max(self.began_s, other.began_s)
            for other in others
        )
        return max(0.0, *shares, 0.0) * 1000


class Collections:
    """Notes how long each garbage collection stopped the process."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._began_s = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._began_s = _CLOCK.monotonic_s()
        else:
            self.spans.append(Span(self._began_s, _CLOCK.monotonic_s() - self._began_s))


def bare_fsyncs(folder: Path, stop: threading.Event, spans: list[Span]) -> None:
    """Write and wait for the disk, at the pace of the puts."""
    with (folder / "bare").open("wb", buffering=0) as file:
        while not _CLOCK.wait(stop, 1 / _PUTS_PER_S):
            began = _CLOCK.monotonic_s()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            spans.append(Span(began, _CLOCK.monotonic_s() - began))


def puts(producer: Producer, seconds: float) -> list[Span]:
    """Put at an even pace; the first, which waits for the broker, is left out."""
    spans, never, began = [], threading.Event(), _CLOCK.monotonic_s()
    for number in range(int(seconds * _PUTS_PER_S)):
        before = _CLOCK.monotonic_s()
        receipt = producer.update_sale({"externalId": f"sale-{number % 40}", "n": number})
        spans.append(Span(before, _CLOCK.monotonic_s() - before))
        assert receipt.state is State.SPOOLED
        _CLOCK.wait(never, began + (number + 1) / _PUTS_PER_S - _CLOCK.monotonic_s())
    return spans[1:]


def main() -> None:
    """Put for a while; print the slowest puts and what happened meanwhile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--freeze", action="store_true")
    options = parser.parse_args()
    stop, fsyncs, collections = threading.Event(), list[Span](), Collections()
    with tempfile.TemporaryDirectory() as name, Proxy(1) as proxy:
        proxy.refuse()
        url = f"redis://127.0.0.1:{proxy.port}/0"
        producer = Producer(load_settings(redis_url=url, data_dir=Path(name)))
        beside = threading.Thread(target=bare_fsyncs, args=(Path(name), stop, fsyncs))
        beside.start()
        if options.freeze:
            gc.collect()
            gc.freeze()
        spans = puts(producer, options.seconds)
        stop.set()
        beside.join()
    spans.sort(key=lambda span: span.seconds, reverse=True)
    print(
        f"{len(spans):,} puts: {spans[len(spans) // 2].ms:.1f} ms in the median, "
        f"{spans[len(spans) // 100].ms:.1f} ms at 99 %; slowest fsync "
        f"{max(fsyncs, key=lambda span: span.seconds).ms:.1f} ms, slowest collection "
        f"{max((span.ms for span in collections.spans), default=0):.1f} ms"
    )
    for span in spans[:_SHOWN]:
        print(
            f"{span.ms:6.1f} ms, of which garbage collection "
            f"{span.shared_with(collections.spans):.1f} ms; a bare fsync at the time took "
            f"{span.shared_with(fsyncs):.1f} ms"
        )


if __name__ == "__main__":
    main()
