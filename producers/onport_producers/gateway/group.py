"""Group commit: the sales that arrive while a put is on its way are the next put.

A put costs the broker and this process about as much for many jobs as for one, so under load each
is made for dozens of requests; an idle gateway puts at once. What a put means to each of them is
what `Producer` says: it is durable when its receipt is there.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from onport_producers.gateway.metrics import Metrics
from onport_producers.producer import Producer
from onport_producers.receipt import Receipt
from onport_queue.errors import BrokerUnavailableError
from onport_queue.jobs import Job
from onport_queue.names import Kind, Lane
from onport_queue.puts import JOBS_PER_PUT

_BYTES_PER_GROUP = 4_000_000


class _Waiting(NamedTuple):
    """A sale, and whoever waits for its receipt. No lane: nobody said whether it is new."""

    job: Job
    lane: Lane | None
    channel: str
    receipt: asyncio.Future[Receipt]


_Group = Sequence[_Waiting]
_Outcome = Receipt | BrokerUnavailableError


class GroupCommit:
    """Puts sales for the requests of one event loop.

    Args:
        producer: what puts; called in one thread.
        metrics: counts the groups.
    """

    def __init__(self, producer: Producer, metrics: Metrics) -> None:
        self._producer = producer
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="group-commit")
        self._waiting: deque[_Waiting] = deque()
        self._is_busy = False

    async def put(self, job: Job, *, channel: str, lane: Lane | None) -> Receipt:
        """Put a sale. Without a lane: high, unless the relay has seen it before.

        Raises:
            BrokerUnavailableError: as a producer's methods do.
        """
        loop = asyncio.get_running_loop()
        receipt: asyncio.Future[Receipt] = loop.create_future()
        self._waiting.append(_Waiting(job, lane, channel, receipt))
        if not self._is_busy:
            self._is_busy = True
            # At the end of this turn of the loop: others may have arrived in it.
            loop.call_soon(self._begin)
        return await receipt

    def close(self) -> None:
        """Return when what was begun is finished."""
        self._thread.shutdown()

    def _begin(self) -> None:
        group = self._next_group()
        if not group:
            self._is_busy = False
            return
        self._metrics.grouped(len(group))
        putting = asyncio.get_running_loop().run_in_executor(self._thread, self._put, group)
        putting.add_done_callback(partial(self._settle, group))

    def _next_group(self) -> _Group:
        group: list[_Waiting] = []
        size = 0
        while self._waiting and len(group) < JOBS_PER_PUT and size < _BYTES_PER_GROUP:
            if group and self._waiting[0].channel != group[0].channel:
                break
            one = self._waiting.popleft()
            group.append(one)
            size += len(one.job.body)
        return group

    def _settle(self, group: _Group, putting: "asyncio.Future[Sequence[_Outcome]]") -> None:
        defect = putting.exception()
        outcomes = [defect] * len(group) if defect else putting.result()
        for one, outcome in zip(group, outcomes, strict=True):
            if one.receipt.done():  # whoever waited for it was cancelled
                continue
            if isinstance(outcome, Receipt):
                one.receipt.set_result(outcome)
            elif outcome is not None:
                one.receipt.set_exception(outcome)
        self._begin()

    def _put(self, group: _Group) -> Sequence[_Outcome]:
        lanes = _lanes(group)
        if len(set(lanes.values())) == 1:
            return self._put_lane(lanes[group[0].job.key], group)
        outcomes: dict[int, _Outcome] = {}
        for lane in set(lanes.values()):
            places = [at for at, one in enumerate(group) if lanes[one.job.key] is lane]
            those = [group[at] for at in places]
            outcomes.update(zip(places, self._put_lane(lane, those), strict=True))
        return [outcomes[at] for at in range(len(group))]

    def _put_lane(self, lane: Lane | None, those: _Group) -> Sequence[_Outcome]:
        jobs = [one.job for one in those]
        try:
            receipts = self._producer.put_jobs(Kind.SALE, lane, those[0].channel, jobs)
        except BrokerUnavailableError as error:
            return [error] * len(those)
        self._metrics.taken(Kind.SALE, (receipt.state for receipt in receipts))
        return receipts


def _lanes(group: _Group) -> Mapping[str, Lane | None]:
    """Return the lane of each key: one for all that came for it, so that their order is kept.

    As in the queue, one new sale among them raises them all; where nobody says so, the queue knows.
    """
    lanes: dict[str, Lane | None] = {}
    for one in group:
        key = one.job.key
        if key not in lanes or one.lane is Lane.HIGH or lanes[key] is Lane.LOW:
            lanes[key] = one.lane
    return lanes
