"""What a host remembers of its broker while that is away: its time, and the name of its data."""

from dataclasses import dataclass

from onport_queue.clock import Clock


@dataclass(frozen=True, slots=True)
class _Reading:
    redis_ms: int
    at_s: float


class BrokerMemory:
    """Guesses Redis time, and knows the epoch that was seen last.

    Within a process the guess goes by the monotonic clock, so that stepping the time of day does
    not matter; before the first answer it goes by the time of day and the offset that is known from
    an earlier process.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ms = 0.0
        self._last: _Reading | None = None
        self._newest_ms = 0
        self.epoch = ""

    def recall(self, offset_ms: float, epoch: str) -> None:
        """Take over what an earlier process had learnt."""
        self._offset_ms = offset_ms
        self.epoch = epoch

    def learn_time(self, redis_ms: int, began_s: float, ended_s: float) -> None:
        """Note what the broker's clock said during a call, by monotonic time."""
        self._last = _Reading(redis_ms, (began_s + ended_s) / 2)
        self._newest_ms = max(self._newest_ms, redis_ms)

    def now_ms(self) -> int:
        """Return Redis time as guessed; never less than any it has told or was told."""
        if self._last is None:
            guess = self._wall_ms() + self._offset_ms
        else:
            guess = self._last.redis_ms + (self._clock.monotonic_s() - self._last.at_s) * 1000
        self._newest_ms = max(self._newest_ms, int(guess))
        return self._newest_ms

    def within_ms(self, seconds: float) -> int | None:
        """Return the last ms of Redis time before so many seconds have passed.

        None before Redis has told its time: the time of day of a host that has not asked yet may be
        hours off.
        """
        return None if self._last is None else self.now_ms() + round(seconds * 1000) - 1

    def offset_ms(self) -> float:
        """Return by how much Redis is ahead of this host's time of day."""
        if self._last is None:
            return self._offset_ms
        passed_ms = (self._clock.monotonic_s() - self._last.at_s) * 1000
        return self._last.redis_ms + passed_ms - self._wall_ms()

    def _wall_ms(self) -> float:
        return self._clock.wall().timestamp() * 1000
