"""Who may come in: a request's webhook hash selects the channel, and proves the caller."""

import hmac
from collections.abc import Sequence

from onport_queue.errors import SettingsError
from onport_queue.settings import Settings


class Door:
    """Knows the hashes of the channels; both are right while one replaces the other."""

    def __init__(self, hashes: Sequence[tuple[bytes, str]]) -> None:
        self._hashes = hashes

    @classmethod
    def of(cls, settings: Settings) -> "Door":
        """Return the door of the settings' channels.

        Raises:
            SettingsError: they have no hash; everybody could come in.
        """
        hashes = [
            (secret.get_secret_value().encode(), channel)
            for channel in settings.channel_names
            for secret in settings.hashes_of(channel)
        ]
        if not hashes:
            raise SettingsError(
                "webhook_hash: missing; set ONPORT_RELAY_WEBHOOK_HASH to the custom channel's "
                "hash: the gateway takes requests that carry it, and no others"
            )
        return cls(hashes)

    def channel_of(self, shown: bytes) -> str | None:
        """Return the channel of a hash, or None; the time it takes tells nothing of the hashes."""
        found = None
        for known, channel in self._hashes:
            if hmac.compare_digest(known, shown):
                found = channel
        return found
