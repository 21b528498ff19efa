"""What is to be expected, a sentence each."""

import math
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from onport_queue.durations import spoken
from onport_queue.ledger import StreamStats
from onport_queue.names import DEFAULT_CHANNEL, Kind, Lane
from onport_queue.picture.forecast import Expected, Forecast, NewJobForecast, StreamForecast

_NAMES = {
    (Lane.HIGH, Kind.SALE): "new sales",
    (Lane.LOW, Kind.SALE): "sale updates",
    (Lane.LOW, Kind.PRODUCT): "catalogue import",
    (Lane.LOW, Kind.ACKNOWLEDGE): "acknowledgements",
    (Lane.LOW, Kind.DISCONNECT): "disconnects",
}
_NEW = {Lane.HIGH: "a new sale", Lane.LOW: "a sale update"}
_SOON_S = 90


def stream_name(stream: StreamStats) -> str:
    """Return what a stream holds, e.g. ``catalogue import`` or ``new sales of channel uk``."""
    what = _NAMES.get((stream.lane, stream.kind), f"{stream.kind} jobs of the {stream.lane} lane")
    return what if stream.channel == DEFAULT_CHANNEL else f"{what} of channel {stream.channel}"


def expectations(forecast: Forecast, now: datetime) -> Iterator[str]:
    """Yield the whole forecast, that of what is pending first."""
    for stream in forecast.streams:
        yield stream_sentence(stream, now)
    yield from new_job_sentences(forecast.new_jobs)


def stream_sentence(forecast: StreamForecast, now: datetime) -> str:
    """Return when a stream is drained, e.g. ``catalogue import finishes 14:20``."""
    what = stream_name(forecast.stream)
    is_many = forecast.stream.kind is not Kind.PRODUCT
    if forecast.drained.seconds is None:
        return f"{what} {'wait' if is_many else 'waits'} until {forecast.drained.until}"
    return f"{what} {'finish' if is_many else 'finishes'} {_moment(forecast.drained.seconds, now)}"


def new_job_sentences(forecasts: Iterable[NewJobForecast]) -> Iterator[str]:
    """Yield what a new job would wait, e.g. ``a new sale now waits about 0.1 s``.

    Once per lane, but where channels differ once for each answer, with the channels.
    """
    answers: dict[tuple[Lane, str], list[str]] = {}
    for one in forecasts:
        answers.setdefault((one.lane, _wait(one.sent)), []).append(one.channel)
    for (lane, wait), channels in answers.items():
        differ = sum(of is lane for of, _ in answers) > 1
        of = f" of {', '.join(channels)}" if differ else ""
        yield f"{_NEW[lane]}{of} now {wait}"


def _wait(sent: Expected) -> str:
    if sent.seconds is None:
        return f"waits until {sent.until}"
    return f"waits about {spoken(sent.seconds)}" if sent.seconds else "goes at once"


def _moment(seconds: float, now: datetime) -> str:
    if seconds < _SOON_S:
        return f"in {spoken(seconds)}"
    # To the minute, and not before it.
    at = (now + timedelta(seconds=math.ceil(seconds / 60) * 60)).astimezone()
    return at.strftime("%H:%M" if at.date() == now.astimezone().date() else "%Y-%m-%d %H:%M")
