"""The state of an account as one JSON object."""

from onport_queue.events import Event
from onport_queue.ledger import PauseStats, Stats
from onport_queue.names import Lane
from onport_queue.picture.forecast import Expected, drain_s, forecast, requests_left
from onport_queue.picture.rates import allowed_rate, rates
from onport_queue.picture.used import UsedRate
from onport_queue.settings import Settings


def picture_of(
    stats: Stats, settings: Settings, *, used: UsedRate | None = None
) -> dict[str, object]:
    """Return the state as a JSON object: for a script, a page, or whoever draws it.

    Args:
        stats: the state.
        settings: of the account.
        used: what successive looks have taught; without it the rate used is not told.
    """
    return {
        "account": settings.account,
        "emptied_ms": stats.emptied_ms,
        "lanes": {lane.value: {"pending": stats.pending_in(lane)} for lane in Lane},
        "streams": [stream.model_dump(mode="json") for stream in stats.streams],
        "rate": rates(stats, settings) | ({"used": used.now} if used else {}),
        "pauses": [_pause(pause) for pause in stats.pauses],
        "outage": stats.outage and stats.outage.model_dump(mode="json"),
        "sizes": [size.model_dump(mode="json") for size in stats.sizes],
        "pending": stats.pending,
        "in_flight": stats.in_flight,
        "waiting": stats.waiting,
        "delayed": stats.delayed,
        "dead": stats.dead,
        "next_due_ms": stats.next_due_ms,
        "workers": list(stats.serving),
        "ledger": stats.ledger.model_dump(mode="json"),
        "imbalance": stats.imbalance,
        "requests_left": requests_left(stats, settings),
        "expected_drain_s": round(drain_s(stats, settings), 3),
        "forecast": _forecast(stats, settings, used),
        "events": [event_document(event) for event in stats.events],
    }


def _pause(pause: PauseStats) -> dict[str, object]:
    is_probed = pause.cause == "refused"
    ends = pause.left_ms >= 0 and not is_probed
    return pause.model_dump(mode="json", exclude={"prints"}) | {
        "left_ms": pause.left_ms if ends else None,
        "next_probe_ms": pause.left_ms if is_probed else None,
    }


def _forecast(stats: Stats, settings: Settings, used: UsedRate | None) -> dict[str, object]:
    pace = used.pace(allowed_rate(stats, settings)) if used else None
    expected = forecast(stats, settings, pace=pace)
    return {
        "streams": [
            one.stream.model_dump(mode="json", include={"lane", "channel", "kind"})
            | _expected(one.drained)
            for one in expected.streams
        ],
        "new_jobs": [
            {"lane": one.lane.value, "channel": one.channel} | _expected(one.sent)
            for one in expected.new_jobs
        ],
    }


def _expected(expected: Expected) -> dict[str, object]:
    seconds = expected.seconds
    return {
        "in_s": None if seconds is None else round(seconds, 3),
        "until": expected.until or None,
    }


def event_document(event: Event) -> dict[str, object]:
    """Return what happened as a JSON object."""
    facts = {name.rstrip("_"): fact for name, fact in event.facts().items()}
    return {"name": event.name.value, "ago_ms": event.ago_ms, **facts}
