"""What the scripts answer, as values."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from onport_queue.events import Event
from onport_queue.flight import Claim, Empty, Fenced, Granted, Item, Paused, Settled, Wait
from onport_queue.fold import Fragment
from onport_queue.names import Kind, Lane
from onport_queue.puts import PutBatch, PutOutcome, PutReply
from onport_queue.scripts import Reply

_OUTCOMES = {outcome.value.encode(): outcome for outcome in PutOutcome}


@dataclass(frozen=True, slots=True)
class LaterPut:
    """What was put to a key ahead of its time."""

    due_in_ms: int
    fragments: tuple[Fragment, ...]


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as the queue holds it; `later` are the first puts ahead of their time, soonest first.

    A key for which there is nothing but these is `delayed`, and has no fragments yet.
    """

    key: str
    state: str
    lane: Lane
    put_ms_ago: int
    due_in_ms: int
    attempts: int
    crashes: int
    last_status: str | None
    last_text: str | None
    fragments: tuple[Fragment, ...]
    waiting: tuple[Fragment, ...]
    later: tuple[LaterPut, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that was given up, without its payload."""

    key: str
    kind: Kind
    channel: str
    lane: Lane
    died_ms_ago: int
    put_ms_ago: int
    attempts: int
    last_status: str | None
    last_text: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The last delivery of a key: when by Redis's time of day, its answer, at which attempt."""

    key: str
    at_ms: int
    status: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many dead letters live again, and the lanes that need waking."""

    jobs: int
    wake: tuple[Lane, ...]


def put_reply(batch: PutBatch, reply: Sequence[Reply]) -> PutReply:
    """Return what became of a put."""
    outcomes, wake, high, low, overgrown, redis_ms, epoch, lowered = reply
    low_places = {number(place) for place in array(lowered)}
    unsaid = (Lane.LOW if place in low_places else Lane.HIGH for place in range(len(batch.jobs)))
    return PutReply(
        outcomes=tuple(_OUTCOMES[cast("bytes", outcome)] for outcome in array(outcomes)),
        wake=lanes(wake),
        pending_high=number(high),
        pending_low=number(low),
        overgrown=tuple(number(place) for place in array(overgrown)),
        redis_ms=number(redis_ms),
        epoch=text(epoch),
        lanes=(batch.lane,) * len(batch.jobs) if batch.lane else tuple(unsaid),
    )


def job_view(key: str, reply: Sequence[Reply]) -> JobView:
    """Read the reply of `show`."""
    state, lane, age, due, tries_json, current, waiting, later = reply
    tries = json.loads(text(tries_json))
    last = tries.get("last", {})
    return JobView(
        key=key,
        state=text(state),
        lane=Lane(text(lane)),
        put_ms_ago=number(age),
        due_in_ms=number(due),
        attempts=tries["attempts"],
        crashes=tries["crashes"],
        last_status=last.get("status"),
        last_text=last.get("text"),
        fragments=versioned_fragments(current),
        waiting=versioned_fragments(waiting),
        later=tuple(_later_put(put) for put in array(later)),
    )


def _later_put(reply: Reply) -> LaterPut:
    due, put = array(reply)
    return LaterPut(number(due), versioned_fragments(put))


def dead_letter(reply: Reply) -> DeadLetter:
    """Read one letter of the reply of `dead`."""
    key, stream, died, put, tries_json = array(reply)
    lane, channel, kind = text(stream).split(":")
    tries = json.loads(text(tries_json))
    last = tries.get("last", {})
    return DeadLetter(
        key=text(key),
        kind=Kind(kind),
        channel=channel,
        lane=Lane(lane),
        died_ms_ago=number(died),
        put_ms_ago=number(put),
        attempts=tries["attempts"],
        last_status=last.get("status"),
        last_text=last.get("text"),
    )


def deliveries(flat: Sequence[Reply]) -> Iterator[Delivery]:
    """Read keys and what the history notes of them."""
    for key, noted in zip(flat[::2], flat[1::2], strict=True):
        _, at_ms, status, attempts = text(noted).split(" ")
        yield Delivery(text(key), int(at_ms), status, int(attempts))


def item(reply: Reply) -> Item:
    """Read one job of a granted claim."""
    key, attempts, first_ago, put_ago, sent = array(reply)
    return Item(text(key), number(attempts), number(first_ago), number(put_ago), fragments(sent))


def claim(reply: Reply, lease: str) -> Claim:
    """Read the answer to a claim under a lease."""
    answer = array(reply)
    match text(answer[0]):
        case "granted":
            from_lane, channel, kind = text(answer[1]).split(":")
            return Granted(
                lease=lease,
                kind=Kind(kind),
                channel=channel,
                lane=Lane(from_lane),
                more=bool(answer[2]),
                items=tuple([item(one) for one in array(answer[4])]),
                print=text(answer[3]),
            )
        case "wait":
            return Wait(number(answer[1]) / 1e6)
        case "paused":
            return Paused(None if answer[1] == -1 else number(answer[1]) / 1000)
        case _:
            return Empty()


def settled(reply: Reply) -> Settled | Fenced:
    """Read the answer to a settle."""
    answer = array(reply)
    if answer[0] == b"fenced":
        return Fenced()
    events = tuple(Event.model_validate_json(text(event)) for event in array(answer[2]))
    return Settled(lanes(answer[1]), events)


def fragments(reply: Reply) -> tuple[Fragment, ...]:
    """Read a flat list of fragments without their versions."""
    flat = cast("list[bytes]", reply)
    return tuple(
        [
            Fragment(tag.decode(), link.decode(), body)
            for tag, link, body in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        ]
    )


def versioned_fragments(reply: Reply) -> tuple[Fragment, ...]:
    """Read a flat list of fragments, each after its version."""
    flat = cast("list[bytes]", reply)
    return tuple(
        [
            Fragment(tag.decode(), link.decode(), body, int(version))
            for version, tag, link, body in zip(
                flat[::4], flat[1::4], flat[2::4], flat[3::4], strict=True
            )
        ]
    )


def lanes(reply: Reply) -> tuple[Lane, ...]:
    """Read lanes, the high one first."""
    return tuple(
        sorted((Lane(text(lane)) for lane in array(reply)), key=lambda lane: lane != Lane.HIGH)
    )


def array(reply: Reply) -> list[Reply]:
    """Read a reply that is a list."""
    return cast("list[Reply]", reply)


def text(reply: Reply) -> str:
    """Read a reply that is text."""
    return cast("bytes", reply).decode()


def number(reply: Reply) -> int:
    """Read a reply that is a whole number."""
    return cast("int", reply)
