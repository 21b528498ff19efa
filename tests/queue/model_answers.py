"""What the gate learns from answers, in plain Python: pauses, the breaker, refusals, sizes.

Time is in whole ms, as in the model of the queue, which owns one of each of these.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from onport_queue.names import Kind, Lane

PROBE_EVERY = 300_000
PROBE_AWAITED = 1_000
REFUSED_IN_A_ROW = 20
LONGEST_PAUSE = 60_000
FAILURES, FAILED_JOBS = 5, 3
OTHERS_UNCLAIMED = 2_000
FIRST_NEED, LONGEST_NEED, SMALLEST_BYTES = 10, 1_280, 1_000


@dataclass(frozen=True)
class Stream:
    """A stream's name, taken apart."""

    lane: Lane
    channel: str
    kind: Kind

    @classmethod
    def of(cls, name: str) -> "Stream":
        lane, channel, kind = name.split(":")
        return cls(Lane(lane), channel, Kind(kind))

    @property
    def endpoint(self) -> str:
        return f"endpoint:{self.channel}:{self.kind}"

    @property
    def scopes(self) -> tuple[str, ...]:
        return ("account", f"lane:{self.lane}", f"channel:{self.channel}", self.endpoint)


@dataclass
class Pause:
    """One pause; `until` None is until resumed."""

    since: int
    until: int | None = None
    prints: dict[str, int] = field(default_factory=dict)
    probe_at: int = 0
    probe: str | None = None


@dataclass
class Pauses:
    """Everything that is paused, and for how long each scope was."""

    standing: dict[tuple[str, str], Pause] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)

    def begin(self, scope: str, cause: str, until: int | None, now: int) -> None:
        pause = self.standing.setdefault((scope, cause), Pause(now))
        pause.until = until

    def end(self, scope: str, cause: str, now: int) -> None:
        pause = self.standing.pop((scope, cause))
        until = now if pause.until is None else min(now, pause.until)
        self.ended[scope] += max(0, until - pause.since)

    def drop_ended(self, now: int) -> None:
        for (scope, cause), pause in list(self.standing.items()):
            if pause.until is not None and pause.until <= now:
                self.end(scope, cause, now)

    def resume(self, scope: str, now: int) -> int:
        chosen = [one for one in self.standing if scope in ("", one[0])]
        for one in chosen:
            self.end(*one, now)
        return len(chosen)

    def stops(self, scopes: Iterable[str]) -> bool:
        stopped = {scope for scope, cause in self.standing if cause != "refused"}
        return bool(stopped & set(scopes))

    def refusals(self, stream: Stream) -> list[Pause]:
        scopes = (f"channel:{stream.channel}", stream.endpoint)
        found = (self.standing.get((scope, "refused")) for scope in scopes)
        return [pause for pause in found if pause]

    def held_ms(self, stream: Stream, now: int) -> int:
        standing = sum(
            max(0, now - pause.since)
            for (scope, _), pause in self.standing.items()
            if scope in stream.scopes
        )
        return standing + sum(self.ended[scope] for scope in stream.scopes)

    def left_s(self, is_held: Callable[[str | None], bool], now: int) -> float | None:
        """Until the first of them may end by itself."""
        ends = [
            now + PROBE_AWAITED
            if is_held(pause.probe)
            else pause.probe_at
            if cause == "refused"
            else pause.until
            for (_, cause), pause in self.standing.items()
        ]
        bounded = [max(1, end - now) for end in ends if end is not None]
        return min(bounded) / 1000 if bounded else None


@dataclass
class Outage:
    """The breaker."""

    failures: int = 0
    keys: list[str] = field(default_factory=list)
    at: int = 0
    openings: int = 0
    until: int = 0
    probe: str | None = None

    def fail(self, lease: str, keys: Sequence[str], pauses: Pauses, now: int) -> None:
        if self.openings and self.probe != lease:
            return
        if not self.openings:
            self.failures, self.at = self.failures + 1, now
            self.keys = list(dict.fromkeys([*self.keys, *keys]))[:FAILED_JOBS]
            if self.failures < FAILURES or len(self.keys) < FAILED_JOBS:
                return
        self.openings += 1
        self.until = now + doubling(self.openings)
        self.probe = None
        pauses.begin("account", "outage", self.until, now)

    def live(self, lease: str) -> None:
        if self.openings and self.probe != lease:
            return
        self.failures, self.keys, self.openings, self.until, self.probe = 0, [], 0, 0, None


@dataclass
class Refusals:
    """Refusals that are not the jobs'."""

    pauses: Pauses
    streaks: dict[tuple[str, Kind], tuple[str, list[str]]] = field(default_factory=dict)
    trusted: dict[str, tuple[dict[str, bool], int]] = field(default_factory=dict)

    def print_for(
        self, stream: Stream, prints: Sequence[str], is_held: Callable[[str | None], bool], now: int
    ) -> str | None:
        refusals = self.pauses.refusals(stream)
        if not refusals:
            if stream.channel not in self.trusted:
                return prints[0]
            good, trial_at = self.trusted[stream.channel]
            known = [one for one in prints if one in good]
            return known[0] if known else prints[0] if now >= trial_at else None
        if any(is_held(pause.probe) for pause in refusals):
            return None
        untried = [one for one in prints if not any(one in pause.prints for pause in refusals)]
        if untried:
            return untried[0]
        due = [
            (max(pause.prints.get(one, 0) for pause in refusals), at, one)
            for at, one in enumerate(prints)
            if all(now >= pause.probe_at for pause in refusals if one in pause.prints)
        ]
        return min(due)[2] if due else None

    def note_probe(self, stream: Stream, used: str, lease: str, now: int) -> None:
        for pause in self.pauses.refusals(stream):
            pause.probe = lease
        if stream.channel in self.trusted and used not in self.trusted[stream.channel][0]:
            self.trusted[stream.channel] = (self.trusted[stream.channel][0], now + PROBE_EVERY)

    def is_outdated(self, stream: Stream, used: str) -> bool:
        return stream.channel in self.trusted and used not in self.trusted[stream.channel][0]

    def pause(self, scope: str, used: str, now: int) -> None:
        pause = self.pauses.standing.setdefault((scope, "refused"), Pause(now))
        pause.prints[used], pause.probe_at, pause.probe = now, now + PROBE_EVERY, None

    def deny(self, stream: Stream, used: str, now: int) -> None:
        if self.is_outdated(stream, used):
            return
        if stream.channel in self.trusted:
            del self.trusted[stream.channel][0][used]
            if not self.trusted[stream.channel][0]:
                del self.trusted[stream.channel]
        self.pause(f"channel:{stream.channel}", used, now)

    def misdirect(self, stream: Stream, used: str, now: int) -> None:
        if not self.is_outdated(stream, used):
            self.pause(stream.endpoint, used, now)

    def refuse(
        self, stream: Stream, keys: Sequence[str], used: str, status: str, now: int
    ) -> list[str]:
        """Return the keys whose death is undone."""
        stands = (stream.endpoint, "refused") in self.pauses.standing
        if stands or self.is_outdated(stream, used):
            if stands:
                self.pause(stream.endpoint, used, now)
            return list(keys)
        if len(keys) > 1:
            return []
        known = self.streaks.get((stream.channel, stream.kind), (status, []))
        streak = known[1] if known[0] == status else []
        if keys[0] in streak:
            return []
        self.streaks[stream.channel, stream.kind] = (status, [*streak, keys[0]])
        if len(streak) + 1 < REFUSED_IN_A_ROW:
            return []
        del self.streaks[stream.channel, stream.kind]
        self.pause(stream.endpoint, used, now)
        return [*streak, keys[0]]

    def accept(self, stream: Stream, used: str, now: int) -> None:
        self.streaks.pop((stream.channel, stream.kind), None)
        for scope in (f"channel:{stream.channel}", stream.endpoint):
            pause = self.pauses.standing.get((scope, "refused"))
            if pause:
                self.pauses.end(scope, "refused", now)
                if used not in pause.prints:
                    self.trusted[stream.channel] = ({}, now + PROBE_EVERY)
        if stream.channel in self.trusted:
            self.trusted[stream.channel][0][used] = True


@dataclass
class Split:
    """A refused batch that is halved until the culprit stands alone."""

    kind: Kind
    left: int
    least: int
    most: int = 0
    guilty: bool = False
    bytes: bool = False


@dataclass
class Size:
    """What a kind's batches are held to."""

    items: int | None = None
    good: int | None = None
    bytes: int | None = None
    clean: int = 0
    need: int = FIRST_NEED

    def relearn(self) -> None:
        self.clean, self.need = 0, min(2 * self.need, LONGEST_NEED)


@dataclass
class Sizes:
    """What refused batches taught."""

    splits: dict[str, Split] = field(default_factory=dict)
    sizes: dict[Kind, Size] = field(default_factory=dict)

    def finish(self, name: str) -> None:
        split = self.splits[name]
        if split.left > 0:
            return
        del self.splits[name]
        if split.guilty or split.bytes or not split.most:
            return
        size = self.sizes.setdefault(split.kind, Size())
        good = size.good if size.good and size.good < split.least else 0
        size.items = size.good = max(split.most, good)
        size.relearn()

    def too_large(self, kind: Kind, sent_bytes: int) -> None:
        size = self.sizes.setdefault(kind, Size())
        size.bytes = max(SMALLEST_BYTES, sent_bytes // 2)
        size.relearn()

    def accept(self, kind: Kind, many: int, sent_bytes: int) -> None:
        size = self.sizes.get(kind)
        if size is None:
            return
        full = size.items is not None and many >= size.items
        if full:
            size.good = max(size.good or 0, many)
        if not full and not (size.bytes and sent_bytes > size.bytes / 2):
            return
        size.clean += 1
        if size.clean >= size.need:
            size.clean = 0
            if size.items:
                size.items += max(1, size.items // 10)
            if size.bytes:
                size.bytes = int(size.bytes * 1.1)

    def bounds(self, kind: Kind, items: int, size_bytes: int) -> tuple[int, int]:
        """Return the most items and bytes of a batch; forget what binds no more."""
        size = self.sizes.get(kind)
        if size is None or kind == Kind.SALE:
            return items, size_bytes
        bounds = min(items, size.items or items), min(size_bytes, size.bytes or size_bytes)
        if bounds == (items, size_bytes):
            del self.sizes[kind]
        return bounds


def doubling(times: int) -> int:
    return int(min(LONGEST_PAUSE, 1_000 * 2 ** (times - 1)))
