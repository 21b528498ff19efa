"""What was on its way when something befell: all that may arrive twice for it."""

from contextlib import suppress
from typing import cast

from redis.exceptions import RedisError
from tests.acceptance.relay import Relay


class Flying:
    """Counts the items in flight at chosen moments, each flight once."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._seen: set[bytes] = set()
        self.items = 0

    def note(self) -> None:
        """Count what is in flight now and was not before; nothing while the broker is away."""
        relay = self._relay
        with suppress(RedisError):
            flying = cast("dict[bytes, bytes]", relay.redis.hgetall(relay.key("inflight")))
            self.items += sum(lease not in self._seen for lease in flying.values())
            self._seen |= set(flying.values())
