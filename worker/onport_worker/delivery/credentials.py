"""The hashes a worker can send with, named to the queue by fingerprints only."""

import hashlib
import hmac
import json
from base64 import b64encode
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from onport_queue.flight import Prints
from onport_queue.settings import Settings

_PRINT_DIGITS = 16


class Credentials:
    """The hashes of an account's channels, and during a rotation the next ones too.

    A fingerprint covers the hash and the endpoint's address: what was refused with the one may be
    tried at once with another of either. It is salted, and too short to lead back to the hash.
    """

    def __init__(self, settings: Settings, salt: bytes) -> None:
        of_channels = {
            channel: {_fingerprint(secret, settings.base_url, salt): secret for secret in secrets}
            for channel in settings.channel_names
            if (secrets := settings.hashes_of(channel))
        }
        self._prints = {channel: tuple(its) for channel, its in of_channels.items()}
        self._secrets = {
            fingerprint: secret
            for its in of_channels.values()
            for fingerprint, secret in its.items()
        }
        disguises = {
            disguise
            for secret in self._secrets.values()
            for disguise in _disguises_of(secret.get_secret_value())
        }
        # One may hold another, and is replaced as a whole.
        self._disguises = tuple(sorted(disguises, key=len, reverse=True))

    @property
    def prints(self) -> Prints:
        """By channel their fingerprints, the preferred one first; channels without are left out."""
        return self._prints

    @property
    def disguises(self) -> tuple[str, ...]:
        """The hashes as somebody may write them, to keep them out of what is shown."""
        return self._disguises

    def hash_of(self, fingerprint: str) -> str:
        """Return the hash behind a fingerprint."""
        return self._secrets[fingerprint].get_secret_value()


def _disguises_of(secret: str) -> tuple[str, ...]:
    # A server that echoes a request may do so in JSON or a URL; h11 says in Python's way, of bytes
    # as well, which header it finds illegal.
    return (
        secret,
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        repr(secret.encode())[2:-1],
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        b64encode(secret.encode()).decode().rstrip("="),
    )


def _fingerprint(secret: SecretStr, base_url: str, salt: bytes) -> str:
    message = f"{base_url} {secret.get_secret_value()}".encode()
    return hmac.new(salt, message, hashlib.sha256).hexdigest()[:_PRINT_DIGITS]
