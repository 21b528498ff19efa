"""What was on its way when something befell: all that may arrive twice for it."""

from contextlib import suppress
from typing import cast

from redis import Redis
from redis.exceptions import RedisError


class Flying:
    """Counts the items in flight at chosen moments, each flight once.

    Args:
        redis: the broker, by a client that is as patient as the moments allow.
        structure: the name of the queue's structure of what is in flight.
    """

    def __init__(self, redis: Redis, structure: str) -> None:
        self._redis = redis
        self._structure = structure
        self._seen: set[bytes] = set()
        self.items = 0

    def note(self) -> None:
        """Count what is in flight now and was not before; nothing while the broker is away."""
        with suppress(RedisError):
            flying = cast("dict[bytes, bytes]", self._redis.hgetall(self._structure))
            self.items += sum(lease not in self._seen for lease in flying.values())
            self._seen |= set(flying.values())
