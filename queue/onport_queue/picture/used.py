"""The rate that is used: learnt from successive ledgers, which only count."""

from collections import deque

from onport_queue.ledger import Stats

_KEPT = 240
_BUSY_FOR = 5
"""So many looks with work make a pace."""


class UsedRate:
    """Requests/s between one look and the next, the newest last."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._rates: deque[float] = deque(maxlen=kept)
        self._busy: deque[float] = deque(maxlen=_BUSY_FOR)
        self._requests = 0
        self._at_s: float | None = None

    def note(self, stats: Stats, at_s: float) -> None:
        """Take a look into account.

        Args:
            stats: the state.
            at_s: when it was asked, by a clock that never runs backwards.
        """
        requests = stats.ledger.requests
        if self._at_s is not None and at_s > self._at_s:
            # A count that fell is that of a broker that came back without its data.
            many = requests - self._requests if requests >= self._requests else requests
            self._rates.append(many / (at_s - self._at_s))
            if stats.pending and not stats.pauses:
                self._busy.append(self._rates[-1])
            else:
                self._busy.clear()
        self._requests, self._at_s = requests, at_s

    @property
    def rates(self) -> tuple[float, ...]:
        """All that are kept."""
        return tuple(self._rates)

    @property
    def now(self) -> float | None:
        """The newest, or None before the second look."""
        return self._rates[-1] if self._rates else None

    def pace(self, allowed: float) -> float:
        """Return the requests/s to reckon with: those allowed, or less, if work has waited for a
        while and fewer were reached.
        """
        if len(self._busy) < _BUSY_FOR:
            return allowed
        reached = sum(self._busy) / len(self._busy)
        return min(allowed, reached) if reached else allowed
