"""Following what was put until it is delivered, or given up."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onport_producers import Producer
from onport_queue.clock import Clock
from onport_queue.names import job_key
from onport_queue.puts import JOBS_PER_PUT, PutBatch, PutOutcome, PutReply
from onport_queue.settings import Settings
from onport_queue.store import Queue

_POLL_S = 0.5
_DEAD = "dead"
_NOTHING_TO_SEND = frozenset({PutOutcome.UNCHANGED, PutOutcome.SUPERSEDED})


class NotingProducer(Producer):
    """A producer that remembers the keys of the jobs it has put and that are yet to be sent."""

    def __init__(self, settings: Settings, *, bound_s: float) -> None:
        super().__init__(settings, bound_s=bound_s)
        self._noted: dict[str, None] = {}

    @property
    def noted(self) -> Sequence[str]:
        """The full keys, each once, in the order of their first puts."""
        return list(self._noted)

    def _put(self, batch: PutBatch) -> PutReply | None:
        reply = super()._put(batch)
        outcomes = reply.outcomes if reply else ()
        keys = [job_key(batch.kind, batch.channel, job.key) for job in batch.jobs]
        for key, outcome in zip(keys, outcomes, strict=True):
            if outcome not in _NOTHING_TO_SEND:
                self._noted[key] = None
        return reply


@dataclass(slots=True)
class Arrival:
    """What has become of the jobs so far.

    `gone` jobs are no longer held by the queue: delivered, unless somebody discarded them.
    """

    gone: int = 0
    dead: int = 0


def await_arrival(
    queue: Queue, keys: Sequence[str], arrival: Arrival, told: Callable[[int], None], clock: Clock
) -> None:
    """Return when the queue holds none of the jobs any more, but for dead ones.

    Args:
        queue: where they are.
        keys: their full keys, in the order they were put, which is about that of delivery.
        arrival: kept up to date.
        told: told how many have come to an end.
        clock: to wait by.

    Raises:
        redis.exceptions.RedisError: the broker is away; what was put goes on without us.
    """
    left, never = list(keys), threading.Event()
    while left:
        left = _still_held(queue, left, arrival)
        told(arrival.gone + arrival.dead)
        if left:
            clock.wait(never, _POLL_S)


def _still_held(queue: Queue, keys: Sequence[str], arrival: Arrival) -> list[str]:
    """Return the keys without those that have ended, as far as it is worth asking."""
    held: list[str] = []
    for begin in range(0, len(keys), JOBS_PER_PUT):
        asked = keys[begin : begin + JOBS_PER_PUT]
        states = queue.states(asked)
        held += [key for key, state in zip(asked, states, strict=True) if state not in ("", _DEAD)]
        arrival.gone += states.count("")
        arrival.dead += states.count(_DEAD)
        if len(states) == sum(state not in ("", _DEAD) for state in states):
            # All of these wait: the later ones most probably, too.
            return [*held, *keys[begin + JOBS_PER_PUT :]]
    return held
