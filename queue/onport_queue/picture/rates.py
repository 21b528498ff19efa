"""What bears on the rate, in requests/s."""

from onport_queue.durations import spoken
from onport_queue.events import EventName
from onport_queue.ledger import Stats
from onport_queue.picture.text import figure
from onport_queue.settings import Settings


def rates(stats: Stats, settings: Settings) -> dict[str, float | None]:
    """Return all that bears on the rate, in requests/s, for a script."""
    return {
        "configured": settings.rate,
        "set": stats.rate_set,
        "allowed": allowed_rate(stats, settings),
        "limit": stats.rate_limit,
    }


def allowed_rate(stats: Stats, settings: Settings) -> float:
    """Return the requests/s allowed now."""
    return stats.rate_allowed or stats.rate_set or settings.rate


def learnt_limit(stats: Stats) -> str | None:
    """Return what is known about the endpoint's limit and since when, or None."""
    if stats.rate_limit is None:
        return None
    for event in stats.events:
        if event.name is EventName.RATE_LOWERED and event.from_ is not None:
            ago = spoken(event.ago_ms / 1000)
            return f"{figure(stats.rate_limit)}: a 429 came at {figure(event.from_)}, {ago} ago"
    return f"{figure(stats.rate_limit)}: a 429 came just above it"
