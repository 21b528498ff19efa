"""The client that a shop uses: puts into Redis, or keeps on the disk while that is away."""

from pathlib import Path

from onport_producers.reception import PUT_BOUND_S, Reception
from onport_producers.storefront import Storefront
from onport_producers.wakeup import CeleryWaker, Waker
from onport_queue.clock import Clock, SystemClock
from onport_queue.errors import SettingsError
from onport_queue.names import DEFAULT_CHANNEL
from onport_queue.puts import PutBatch, PutReply
from onport_queue.settings import Settings, load_settings


class Producer(Storefront):
    """Puts jobs into the relay. Thread-safe; may be made before a fork.

    Once a method returns, Redis has the job, or this host's spool has it on its disk because Redis
    could not take it within a quarter of a second (`bound_s`): it is delivered at least once, in
    the order of its key's versions. While the spool holds something, this host's puts go there at
    once; a thread flushes it when Redis is back.

    All methods raise:
        InvalidJobError: the payload can't be keyed or is not of a documented JSON type; names the
            field.
        BrokerUnavailableError: Redis did not take the job, and there is no spool (spool_mb = 0), or
            it can't take it either (SpoolError). Whether Redis has it is then unknown; putting it
            again is safe.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        waker: Waker | None = None,
        clock: Clock | None = None,
        bound_s: float = PUT_BOUND_S,
    ) -> None:
        super().__init__(settings or load_settings(), clock or SystemClock())
        if self._settings.redis_url is None:
            raise SettingsError(
                "redis_url: missing; set ONPORT_RELAY_REDIS_URL or name the broker in relay.toml"
            )
        url = self._settings.redis_url
        wakes = waker or CeleryWaker(url)
        self._receptions = {
            account: Reception(
                self._settings.for_account(account), url, wakes, self._clock, bound_s=bound_s
            )
            for account in self._settings.account_names
        }

    @classmethod
    def from_config(cls, config: Path | None = None) -> "Producer":
        """Return a producer set up by a settings file and the environment."""
        return cls(load_settings(config))

    def check(self) -> str:
        """Return what would take a put now: ``broker`` or ``spool``.

        Raises:
            BrokerUnavailableError: neither.
        """
        return self._reception_of(DEFAULT_CHANNEL).check()

    def _reception_of(self, channel: str) -> Reception:
        return self._receptions[self._settings.account_of(channel)]

    def _put(self, batch: PutBatch) -> PutReply | None:
        return self._reception_of(batch.channel).put(batch)
