"""When what is pending should be delivered, if nothing goes wrong."""

from onport_queue.ledger import Stats
from onport_queue.names import Kind
from onport_queue.picture.rates import allowed_rate
from onport_queue.settings import Settings


def requests_left(stats: Stats, settings: Settings) -> int:
    """Return the fewest requests that deliver everything now pending."""
    batch_items = {kind: 1 if kind is Kind.SALE else settings.batch_items for kind in Kind}
    for size in stats.sizes:
        batch_items[size.kind] = min(size.items or settings.batch_items, batch_items[size.kind])
    return stats.requests_left(batch_items)


def drain_s(stats: Stats, settings: Settings) -> float:
    """Return the seconds these take at the rate allowed now; pauses are left out."""
    return requests_left(stats, settings) / allowed_rate(stats, settings)
