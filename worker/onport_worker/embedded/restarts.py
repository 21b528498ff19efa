"""How often a server that dies is started again."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """A budget of restarts in a row, each after twice the pause of the one before.

    Attributes:
        budget: how many deaths in a row are answered with a restart. A full disk makes the server
            exit at every write, so there must be an end.
        first_pause: before the first restart.
        longest_pause: no pause is longer.
        healthy_after: a server that was up so long has settled; its death starts a new row.
    """

    budget: int = 5
    first_pause: timedelta = timedelta(milliseconds=100)
    longest_pause: timedelta = timedelta(seconds=5)
    healthy_after: timedelta = timedelta(minutes=1)

    def deaths_in_row(self, before: int, *, uptime: timedelta) -> int:
        """Return how many deaths in a row this one makes."""
        return 1 if uptime >= self.healthy_after else before + 1

    def pause(self, deaths: int) -> timedelta | None:
        """Return how long to wait after so many deaths in a row, or None to give up."""
        if deaths > self.budget:
            return None
        # Bounded: a long row must not overflow what a timedelta holds.
        doublings = min(deaths - 1, 30)
        return min(self.first_pause * (1 << doublings), self.longest_pause)
