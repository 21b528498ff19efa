"""When what is pending should be delivered, if nothing goes wrong; what a new job would wait."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from onport_queue.ledger import Stats, StreamStats
from onport_queue.names import Kind, Lane
from onport_queue.picture.rates import allowed_rate
from onport_queue.scopes import covers, spoken_scope
from onport_queue.settings import Settings


@dataclass(frozen=True, slots=True)
class Expected:
    """In so many seconds; or, where nobody knows (None), not until this has happened."""

    seconds: float | None
    until: str = ""


@dataclass(frozen=True, slots=True)
class StreamForecast:
    """When all that is pending in a stream now will be on its way."""

    stream: StreamStats
    drained: Expected


@dataclass(frozen=True, slots=True)
class NewJobForecast:
    """What a sale put now would wait: a new one in the high lane, an update in the low one."""

    lane: Lane
    channel: str
    sent: Expected


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to be expected of an account, at the pace of now."""

    streams: tuple[StreamForecast, ...]
    new_jobs: tuple[NewJobForecast, ...]


def requests_left(stats: Stats, settings: Settings) -> int:
    """Return the fewest requests that deliver everything now pending."""
    return stats.requests_left(_batch_items(stats, settings))


def drain_s(stats: Stats, settings: Settings) -> float:
    """Return the seconds these take at the rate allowed now; pauses are left out."""
    return requests_left(stats, settings) / allowed_rate(stats, settings)


def forecast(stats: Stats, settings: Settings, *, pace: float | None = None) -> Forecast:
    """Return when each stream is drained, and what a new job of each lane would wait.

    Args:
        stats: the state now.
        settings: of the account.
        pace: the requests/s that are reached, if that is known to be less than the rate allowed.
    """
    return _Forecaster(stats, settings, pace or allowed_rate(stats, settings)).forecast()


class _Forecaster:
    """Streams of a lane take turns; the high lane goes first, but for the low lane's share."""

    def __init__(self, stats: Stats, settings: Settings, rate: float) -> None:
        self._stats = stats
        self._settings = settings
        self._rate = rate
        batch_items = _batch_items(stats, settings)
        self._requests = {
            stream: math.ceil(stream.pending / batch_items[stream.kind])
            for stream in stats.streams
            if self._hold(stream.lane, stream.channel, stream.kind).seconds is not None
        }

    def forecast(self) -> Forecast:
        return Forecast(
            tuple(StreamForecast(one, self._drained(one)) for one in self._stats.streams),
            tuple(
                NewJobForecast(lane, channel, self._sent(lane, channel))
                for lane in Lane
                for channel in self._settings.channel_names
            ),
        )

    def _drained(self, stream: StreamStats) -> Expected:
        own = self._requests.get(stream, 0)
        beside = (self._requests[one] for one in self._others(stream.lane, (stream,)))
        return self._after(
            self._hold(stream.lane, stream.channel, stream.kind), stream.lane, own, beside
        )

    def _sent(self, lane: Lane, channel: str) -> Expected:
        hold = self._hold(lane, channel, Kind.SALE)
        if hold.seconds == 0 and self._stats.pending == 0:
            return hold
        its = [
            one
            for one in self._requests
            if (one.lane, one.channel, one.kind) == (lane, channel, Kind.SALE)
        ]
        ahead = sum(self._requests[one] for one in its)
        beside = (self._requests[one] for one in self._others(lane, its))
        return self._after(hold, lane, ahead + 1, beside)

    def _others(self, lane: Lane, its: Iterable[StreamStats]) -> Iterable[StreamStats]:
        own = set(its)
        return (one for one in self._requests if one.lane is lane and one not in own)

    def _after(self, hold: Expected, lane: Lane, own: int, beside: Iterable[int]) -> Expected:
        """Return when the last of `own` requests goes, `beside` being what others of its lane have.

        While both lanes have work this one has its share of the rate; never is more sent before
        than all of the other lane.
        """
        if hold.seconds is None:
            return hold
        in_lane = own + sum(min(one, own) for one in beside)
        in_other = sum(many for one, many in self._requests.items() if one.lane is not lane)
        low = self._settings.low_lane_share
        share = low if lane is Lane.LOW else 1 - low
        among_all = in_lane + in_other
        tokens = min(in_lane / share, among_all) if share else among_all
        return Expected(hold.seconds + tokens / self._rate)

    def _hold(self, lane: Lane, channel: str, kind: Kind) -> Expected:
        """Return when what stands in the way of a stream will be over."""
        if not self._stats.serving:
            return Expected(None, "a worker is at work")
        if self._stats.outage is not None:
            return Expected(None, "the endpoint answers again")
        seconds = 0.0
        for pause in self._stats.pauses:
            if covers(pause.scope, lane, channel, kind):
                if pause.cause == "refused":
                    return Expected(None, "an answer is accepted")
                if pause.left_ms < 0:
                    are = "are" if pause.scope.startswith("endpoint:") else "is"
                    return Expected(None, f"{spoken_scope(pause.scope)} {are} resumed")
                seconds = max(seconds, pause.left_ms / 1000)
        return Expected(seconds)


def _batch_items(stats: Stats, settings: Settings) -> dict[Kind, int]:
    batch_items = {kind: 1 if kind is Kind.SALE else settings.batch_items for kind in Kind}
    for size in stats.sizes:
        batch_items[size.kind] = min(size.items or settings.batch_items, batch_items[size.kind])
    return batch_items
