"""What the page shows: the picture of every account, in words where there are words for it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError
from redis import Redis
from redis.exceptions import RedisError

from onport_producers.gateway.page.spools import SpoolGauge
from onport_queue.broker import unreachable
from onport_queue.clock import Clock
from onport_queue.errors import RelayError
from onport_queue.ledger import Stats
from onport_queue.picture.document import picture_of
from onport_queue.picture.expectations import new_job_sentences, stream_name, stream_sentence
from onport_queue.picture.forecast import StreamForecast, forecast
from onport_queue.picture.rates import allowed_rate, learnt_limit
from onport_queue.picture.sentences import lost_data, outage_sentence, pause_sentence, sentence
from onport_queue.picture.used import UsedRate
from onport_queue.scopes import spoken_scope
from onport_queue.settings import Settings
from onport_queue.store import Queue

_EVENTS_SHOWN = 30
_RATES_SHOWN = 120
_dumped = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class View:
    """Looks at all accounts; while the broker is away it shows what it has seen last.

    Called in one thread at a time.
    """

    def __init__(
        self,
        settings: Settings,
        channels: Mapping[str, Sequence[str]],
        redis: Redis,
        queues: Mapping[str, Queue],
        clock: Clock,
    ) -> None:
        self._redis = redis
        self._queues = queues
        self._clock = clock
        self._settings = {name: settings.for_account(name) for name in queues}
        self._channels = channels
        self._spools = {name: SpoolGauge(its, clock) for name, its in self._settings.items()}
        self._used = {name: UsedRate(_RATES_SHOWN) for name in queues}
        self._seen: Mapping[str, Mapping[str, object]] = {}
        self._seen_s = clock.monotonic_s()

    def look(self) -> bytes:
        """Return what is to be shown now, as JSON."""
        away = None
        try:
            self._seen = {name: self._account(name, queue) for name, queue in self._queues.items()}
            self._seen_s = self._clock.monotonic_s()
        except RedisError as error:
            away = unreachable(self._redis, error)
        except RelayError as error:
            away = str(error)
        except ValidationError:
            away = "what it holds can't be read: is it of a newer release?"
        accounts = [
            {
                "account": name,
                "channels": self._channels[name],
                "spool": self._spools[name].document(),
                "picture": self._seen.get(name),
            }
            for name in self._queues
        ]
        shown = {
            "time": self._clock.wall().astimezone().strftime("%H:%M:%S %Z"),
            "away": away and {"why": away, "for_s": self._clock.monotonic_s() - self._seen_s},
            "accounts": accounts,
        }
        return _dumped(shown).encode("utf-8", "replace")

    def _account(self, name: str, queue: Queue) -> Mapping[str, object]:
        stats = queue.stats()
        used = self._used[name]
        used.note(stats, self._clock.monotonic_s())
        return account_document(stats, self._settings[name], used, self._clock.wall())


def account_document(
    stats: Stats, settings: Settings, used: UsedRate, now: datetime
) -> dict[str, object]:
    """Return the picture of an account, with the sentences that go with it."""
    picture = picture_of(stats, settings)
    told = forecast(stats, settings, pace=used.pace(allowed_rate(stats, settings)))
    return picture | {
        "lost_data": None if stats.emptied_ms is None else lost_data(stats.emptied_ms),
        "outage": stats.outage and outage_sentence(stats.outage),
        "pauses": [
            {
                "scope": pause.scope,
                "cause": pause.cause,
                "what": spoken_scope(pause.scope),
                "sentence": pause_sentence(pause, now),
            }
            for pause in stats.pauses
        ],
        "streams": [_stream(one, now) for one in sorted(told.streams, key=_place)],
        "new_jobs": list(new_job_sentences(told.new_jobs)),
        "used": [round(rate, 2) for rate in used.rates],
        "limit": learnt_limit(stats),
        "events": [
            {"name": event.name.value, "ago_ms": event.ago_ms, "sentence": sentence(event)}
            for event in stats.events[:_EVENTS_SHOWN]
        ],
    }


def _place(one: StreamForecast) -> tuple[str, str, str]:
    """Return its place: the queue's own order is that of whose turn it is, which would flicker."""
    return one.stream.lane, one.stream.channel, one.stream.kind


def _stream(one: StreamForecast, now: datetime) -> dict[str, object]:
    name = stream_name(one.stream)
    expected = stream_sentence(one, now).removeprefix(name).strip()
    told = {"name": name, "expected": expected, "in_s": one.drained.seconds}
    return one.stream.model_dump(mode="json") | told
