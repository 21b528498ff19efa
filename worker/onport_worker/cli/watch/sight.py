"""What is seen of an account, look by look, also while its broker is away."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from redis import Redis
from redis.exceptions import RedisError

from onport_queue.broker import connect, unreachable
from onport_queue.clock import Clock
from onport_queue.errors import SettingsError
from onport_queue.ledger import Stats
from onport_queue.picture import UsedRate
from onport_queue.settings import Settings
from onport_queue.store import Queue

_TIMEOUT_S = 2.0


@dataclass(slots=True)
class Sight:
    """The last that was seen of an account.

    Attributes:
        settings: of the account.
        stats: the last state; None before the first.
        at: when that was.
        away: why there is no newer one, or None.
        used: the rate, from look to look.
    """

    settings: Settings
    stats: Stats | None = None
    at: datetime | None = None
    away: str | None = None
    used: UsedRate = field(default_factory=UsedRate)

    @property
    def is_off(self) -> bool:
        """Whether something is off, as for `status`."""
        if self.away is not None or self.stats is None:
            return True
        return self.stats.imbalance != 0 or self.stats.emptied_ms is not None


class Watch:
    """Looks at all accounts, again and again.

    Args:
        accounts: their settings.
        url: returns the broker's address; asked anew after each failure, since `up` may have
            started another one. Raises SettingsError if there is none now.
        clock: when each look is.
    """

    def __init__(
        self, accounts: tuple[Settings, ...], url: Callable[[], str], clock: Clock
    ) -> None:
        self.sights = tuple(Sight(settings) for settings in accounts)
        self._url = url
        self._clock = clock
        self._redis: Redis | None = None

    def look(self) -> None:
        """See all accounts as they are now; a broker that is away is noted, and asked next time."""
        try:
            if self._redis is None:
                self._redis = connect(self._url(), timeout_s=_TIMEOUT_S, retries=0)
        except SettingsError as error:
            self._note_away(str(error))
            return
        try:
            for sight in self.sights:
                self._see(sight, self._redis)
        except RedisError as error:
            self._note_away(unreachable(self._redis, error))
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._redis is not None:
            self._redis.close()
            self._redis = None

    @property
    def is_off(self) -> bool:
        """Whether something is off in one of them."""
        return any(sight.is_off for sight in self.sights)

    def _see(self, sight: Sight, redis: Redis) -> None:
        sight.stats = Queue.of(redis, sight.settings).stats()
        sight.used.note(sight.stats, self._clock.monotonic_s())
        sight.at, sight.away = self._clock.wall(), None

    def _note_away(self, why: str) -> None:
        for sight in self.sights:
            sight.away = why
