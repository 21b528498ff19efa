"""What was told, shared over Redis, and still known to this process while that is away."""

from collections.abc import Mapping

from redis.exceptions import RedisError

from onport_queue.told import MemoryToldBook, Told, ToldBook


class SharedBook:
    """The book of an account in Redis, with a copy in memory. Raises nothing.

    What is written while Redis is away is written there later.
    """

    def __init__(self, shared: ToldBook) -> None:
        self._shared = shared
        self._copy = MemoryToldBook()
        self._unshared: set[str] = set()

    def read(self) -> Mapping[str, Told]:
        """Return what is written down, as far as this process can know."""
        try:
            found = self._shared.read()
            if self._unshared:
                self._share()
                found = self._shared.read()
        except RedisError:
            return self._copy.read()
        self._copy = MemoryToldBook(found)
        return found

    def replace(self, alert_id: str, told: Told | None) -> bool:
        """Write something down; False if another process has been faster."""
        try:
            done = self._shared.replace(alert_id, told)
        except RedisError:
            # Better told twice than not at all.
            self._unshared.add(alert_id)
            done = True
        if done:
            self._copy.replace(alert_id, told)
        return done

    def _share(self) -> None:
        ours = self._copy.read()
        for alert_id in sorted(self._unshared):
            self._shared.replace(alert_id, ours.get(alert_id))
            self._unshared.discard(alert_id)
