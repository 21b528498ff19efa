"""Makes a dump of a queue in every state: `python tests/queue/dumps/make.py > .../format-N.jsonl`.

Run once for each stored format, with the last release that writes it. A line is one Redis command,
as JSON; bytes are written as latin-1.
"""

import json
import secrets
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from redis import Redis

from onport_queue.clock import SystemClock
from onport_queue.flight import (
    Answer,
    Dead,
    Delivered,
    Gate,
    Granted,
    Halve,
    Released,
    Retry,
    Settlement,
)
from onport_queue.fold import Mode
from onport_queue.jobs import Job, Link, LinkJob
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch
from onport_queue.runs import Outcome, Runs, Tally
from onport_queue.store import Queue
from onport_worker.embedded import EmbeddedBroker

RATE = 10_000.0
HELD, LOST = "a-lease-to-be-settled", "a-lease-to-be-lost"
TICK = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
TERM = timedelta(seconds=30)
_CLOCK = SystemClock()


class Story:
    """Brings a queue into every state there is."""

    def __init__(self, redis: Redis) -> None:
        self.queue = Queue(redis)
        self.runs = Runs(redis)

    def tell(self) -> None:
        self.queue.salt()
        self.queue.epoch()
        self._answers()
        self._schedules()
        self._left()

    def _answers(self) -> None:
        """What requests that are over have taught; each claim meets its own jobs only."""
        self._put(Kind.SALE, Job("delivered", b'{"n":1}', 5))
        self._settle(self._claim(), Delivered(), Answer.ACCEPTED, "200")
        self._put(Kind.PRODUCT, Job("sku=delivered", b'{"sku":"delivered"}'))
        self._settle(self._claim(), Delivered(), Answer.ACCEPTED, "200")

        for key in ("dead", "replayed"):
            self._put(Kind.SALE, Job(key, b'{"externalId":"%s"}' % key.encode()))
            self._settle(self._claim(), Dead(), Answer.REFUSED, "422", "no such variant")
        self.queue.replay(["sale:default:replayed"])
        self._put(Kind.SALE, Job("replayed", b'{"of":"dead"}'), mode=Mode.PARTIAL)
        self._settle(self._claim(), Retry(3_600_000), Answer.FAILED, "503", "later")

        # One hash is refused, another one is accepted from then on.
        self._put(Kind.SALE, Job("of-two-hashes", b"{}"), channel="other")
        denied = self._claim(print="old", channel="other")
        self._settle(denied, Released(), Answer.DENIED, "401")
        self._settle(self._claim(print="new", channel="other"), Delivered(), Answer.ACCEPTED, "200")
        self._put(Kind.SALE, Job("refused-channel", b"{}"), channel="refused")
        self._settle(self._claim(channel="refused"), Released(), Answer.DENIED, "403")
        self._put(Kind.ACKNOWLEDGE, LinkJob("refused-stream", (Link("l", b'"l"'),)))
        self._settle(self._claim(), Released(), Answer.MISDIRECTED, "404")

        self._put(Kind.PRODUCT, *(Job(f"sku=halved-{n}", b'{"n":%d}' % n) for n in range(4)))
        self._settle(self._claim(), Halve(), Answer.REFUSED, "413")

    def _schedules(self) -> None:
        first, second = TICK + timedelta(minutes=5), TICK + timedelta(minutes=10)
        self.runs.meet("links", "every 5m", TICK)
        self.runs.tick("links", first)
        self.runs.begin("links", first, "a-run", term=TERM)
        self.runs.finish("links", "a-run", Outcome.DONE, Tally(accepted=7))
        self.runs.tick("links", second)

    def _left(self) -> None:
        """What is there when it is dumped."""
        self._put(Kind.SALE, Job("settled-in-time", b'{"n":1}'), channel="flying")
        self._claim(HELD, channel="flying")
        self._put(Kind.SALE, Job("settled-in-time", b'{"n":2}'), channel="flying")
        wishes = (Link("one", b'{"id":"one"}'), Link("two", b'{"id":"two"}'))
        self._put(Kind.DISCONNECT, LinkJob("sku", wishes), channel="flying")
        self._claim(LOST, channel="flying")
        self._put(Kind.ACKNOWLEDGE, LinkJob("sku", wishes[:1]), channel="flying")

        self._put(Kind.SALE, Job("new", b'{"externalId":"new"}'), lane=Lane.HIGH)
        self._put(Kind.SALE, Job("folded", b'{"a":1,"b":1}', 10))
        for version, body in ((30, b'{"b":3}'), (20, b'{"b":2,"c":2}')):
            self._put(Kind.SALE, Job("folded", body, version), mode=Mode.PARTIAL)
        self._put(Kind.ACKNOWLEDGE, LinkJob("changed-mind", wishes), channel="other")
        self._put(Kind.DISCONNECT, LinkJob("changed-mind", wishes[:1]), channel="other")
        soon = round(_CLOCK.wall().timestamp() * 1000) + 1_000
        self._put(Kind.SALE, Job("ahead", b'{"ahead":1}'), not_before_ms=soon)
        self._put(Kind.SALE, Job("folded", b'{"c":9}'), mode=Mode.PARTIAL, not_before_ms=soon + 1)

        self.queue.pause("lane:low", None, "a dump")
        self.queue.look(list(Lane), worker="a-worker", prints={"default": ("print",)})
        self.queue.set_rate(RATE / 2)
        self._put(Kind.SALE, Job("throttled", b"{}"), channel="flying", lane=Lane.HIGH)
        throttled = self._claim(channel="flying", lane=Lane.HIGH)
        self._settle(throttled, Released(), Answer.THROTTLED, "429", asked_ms=1_000)

    def _put(
        self,
        kind: Kind,
        *jobs: Job | LinkJob,
        channel: str = "default",
        lane: Lane = Lane.LOW,
        mode: Mode = Mode.FULL,
        not_before_ms: int | None = None,
    ) -> None:
        every = cast("Sequence[Job] | Sequence[LinkJob]", jobs)
        put_id = secrets.token_bytes(12)
        self.queue.put(
            PutBatch(put_id, kind, channel, lane, every, mode, not_before_ms=not_before_ms)
        )

    def _claim(
        self,
        lease: str = "",
        *,
        channel: str = "default",
        lane: Lane = Lane.LOW,
        print: str = "print",  # noqa: A002 - of the hash and address, as the queue calls it
    ) -> Granted:
        gate = Gate(RATE, prints={channel: (print,)})
        never = threading.Event()
        for _ in range(500):
            claim = self.queue.claim(lane, gate, lease or secrets.token_hex(8))
            if isinstance(claim, Granted):
                return claim
            _CLOCK.wait(never, 0.01)
        raise AssertionError(f"no claim: {claim}, {self.queue.stats()}")

    def _settle(
        self,
        claim: Granted,
        verdict: Delivered | Retry | Released | Halve | Dead,
        answer: Answer,
        status: str,
        text: str = "",
        *,
        asked_ms: int | None = None,
    ) -> None:
        verdicts = [verdict] * len(claim.items)
        sent = not isinstance(verdict, Released)
        settlement = Settlement(verdicts, answer, sent, status, text, asked_ms)
        self.queue.settle(claim.lease, settlement)


def commands(redis: Redis) -> Iterator[list[bytes]]:
    """Yield the commands that make what a broker holds."""
    for key in sorted(cast("list[bytes]", redis.keys())):
        match redis.type(key):
            case b"hash":
                pairs = sorted(cast("dict[bytes, bytes]", redis.hgetall(key)).items())
                yield [b"HSET", key, *(part for pair in pairs for part in pair)]
            case b"zset":
                found = cast("list[tuple[bytes, float]]", redis.zrange(key, 0, -1, withscores=True))
                members = ((b"%.3f" % score, member) for member, score in found)
                yield [b"ZADD", key, *(part for pair in members for part in pair)]
            case b"list":
                yield [b"RPUSH", key, *cast("list[bytes]", redis.lrange(key, 0, -1))]
            case strange:
                raise AssertionError(f"{key!r}: the queue has no {strange!r}")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        EmbeddedBroker(Path(home)) as broker,
        Redis.from_url(broker.url) as redis,
    ):
        Story(redis).tell()
        for command in commands(redis):
            sys.stdout.write(json.dumps([part.decode("latin-1") for part in command]) + "\n")


if __name__ == "__main__":
    main()
