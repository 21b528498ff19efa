"""Whatever several pumps, their ends and the shop do to each other, each key keeps its order."""

from collections import defaultdict
from collections.abc import Iterator
from enum import Enum, auto

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete
from tests.producers.conftest import CountingWaker
from tests.producers.outbox.conftest import held
from tests.producers.outbox.test_pump import add, numbers, part

from onport_producers.broker_memory import BrokerMemory
from onport_producers.handover import Handover
from onport_producers.outbox import Outbox, Pump
from onport_producers.outbox.table import rows
from onport_queue.clock import SystemClock
from onport_queue.puts import PutBatch, PutReply
from onport_queue.store import Queue

KEYS = "ab"
MOST_PER_KEY = 12  # more fragments are compacted
DEEPEST = 3
CLOCK = SystemClock()


class Step(Enum):
    """What happens around one put of a pump."""

    NOTHING = auto()
    ADD_A = auto()
    ADD_B = auto()
    OTHER_PUMP_BEFORE = auto()
    OTHER_PUMP_AFTER = auto()
    KILLED_BEFORE = auto()
    KILLED_AFTER = auto()


class KilledError(BaseException):
    """Ends a pump in the midst of its batch."""


class Interleaved(Handover):
    """Lets a script have its way around every put: other pumps run within it."""

    def __init__(
        self, engine: Engine, outbox: Outbox, queue: Queue, script: Iterator[Step]
    ) -> None:
        super().__init__(queue, CountingWaker(), BrokerMemory(CLOCK), CLOCK)
        self._engine = engine
        self._outbox = outbox
        self._script = script
        self._depth = 0
        self.added: dict[str, list[int]] = defaultdict(list)

    def put(self, batch: PutBatch) -> PutReply:
        step = next(self._script, Step.NOTHING)
        if step is Step.KILLED_BEFORE:
            raise KilledError
        if step is Step.OTHER_PUMP_BEFORE:
            self.pump()
        reply = super().put(batch)
        if step is Step.KILLED_AFTER:
            raise KilledError
        if step is Step.OTHER_PUMP_AFTER:
            self.pump()
        if step in (Step.ADD_A, Step.ADD_B):
            self.add("a" if step is Step.ADD_A else "b")
        return reply

    def add(self, key: str) -> None:
        """Commit a job, as the shop does at any time."""
        seen = self.added[key]
        if len(seen) < MOST_PER_KEY:
            add(self._engine, self._outbox, part(len(seen), key))
            seen.append(len(seen))

    def pump(self) -> None:
        """Run one batch of another pump, which may be killed."""
        if self._depth == DEEPEST:
            return
        self._depth += 1
        try:
            Pump(self._engine, lambda _: self, CLOCK).batch()
        except KilledError:
            pass
        finally:
            self._depth -= 1


@given(before=st.lists(st.sampled_from(KEYS), max_size=6), script=st.lists(st.sampled_from(Step)))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_order_of_each_key_holds(
    engine: Engine,
    outbox: Outbox,
    redis_client: redis.Redis,
    before: list[str],
    script: list[Step],
) -> None:
    redis_client.flushall()
    with engine.begin() as connection:
        connection.execute(delete(rows))
    queue = Queue(redis_client)
    steps = iter(script)
    shop = Interleaved(engine, outbox, queue, steps)
    for key in before:
        shop.add(key)
    for step in steps:
        shop.add("a" if step is Step.ADD_A else "b")
        shop.pump()
    while held(engine).rows:
        shop.pump()
    for key in KEYS:
        assert numbers(queue, key) == shop.added[key]
    assert queue.stats().imbalance == 0
