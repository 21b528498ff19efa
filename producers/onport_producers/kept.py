"""A put that was kept, on a disk or in the shop's database, and its way into the queue."""

from collections.abc import Callable
from dataclasses import dataclass

from redis.exceptions import RedisError

from onport_producers.handover import Handover
from onport_queue.broker import may_pass, reason
from onport_queue.puts import PutBatch


@dataclass(frozen=True, slots=True)
class Entry:
    """One put, at its place in the order of keeping."""

    place: int
    batch: PutBatch


def hand_over(entry: Entry, handover: Handover, set_aside: Callable[[int, str], None]) -> bool:
    """Put an entry; return whether Redis has it. One that it refuses for good is set aside.

    Args:
        entry: put under its own put id, so that a repetition makes no second job.
        handover: into the queue.
        set_aside: told the place and the reason of what is refused.

    Raises:
        redis.exceptions.RedisError: the broker may take it later.
    """
    try:
        reply = handover.put(entry.batch)
    except RedisError as error:
        if may_pass(error):
            raise
        set_aside(entry.place, f"{type(error).__name__}: {reason(error)}")
        return False
    except ValueError as error:  # it could not even be asked
        set_aside(entry.place, type(error).__name__)
        return False
    handover.follow_up(entry.batch, reply)
    return True
