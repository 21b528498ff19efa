"""The hashes a worker can send with, named to the queue by fingerprints only."""

import hashlib
import hmac

from pydantic import SecretStr

from onport_queue.settings import Settings

_PRINT_DIGITS = 16


class Credentials:
    """The channel's hash, and during a rotation the next one too.

    A fingerprint covers the hash and the endpoint's address: what was refused with the one may be
    tried at once with another of either. It is salted, and too short to lead back to the hash.
    """

    def __init__(self, settings: Settings, salt: bytes) -> None:
        known = (settings.webhook_hash, settings.webhook_hash_next)
        self._secrets = {
            _fingerprint(secret, settings.base_url, salt): secret for secret in known if secret
        }

    @property
    def prints(self) -> tuple[str, ...]:
        """Their fingerprints, the preferred one first."""
        return tuple(self._secrets)

    @property
    def hashes(self) -> tuple[str, ...]:
        """The hashes themselves, to keep them out of what is shown."""
        return tuple(secret.get_secret_value() for secret in self._secrets.values())

    def hash_of(self, fingerprint: str) -> str:
        """Return the hash behind a fingerprint."""
        return self._secrets[fingerprint].get_secret_value()


def _fingerprint(secret: SecretStr, base_url: str, salt: bytes) -> str:
    message = f"{base_url} {secret.get_secret_value()}".encode()
    return hmac.new(salt, message, hashlib.sha256).hexdigest()[:_PRINT_DIGITS]
