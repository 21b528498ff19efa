"""The settings of a sandbox: one frozen value, checked when it is made."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from onport_sandbox.errors import Problem, SettingsError

DEFAULT_CHANNEL = "1"
DEFAULT_HASH = "sandbox"
HASH_MASK = "********"

RETRY_AFTER_SECONDS = "seconds"
RETRY_AFTER_DATE = "date"
RETRY_AFTER_ABSENT = "absent"

_CHANNEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HEADER_TEXT = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


class Outage(StrEnum):
    """What happens to every request while the sandbox plays dead."""

    OFF = "off"
    STATUS = "status"
    REFUSED = "refused"
    HUNG = "hung"


def _default_hashes() -> Mapping[str, str]:
    return {DEFAULT_CHANNEL: DEFAULT_HASH}


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """How a sandbox answers. The vendor's unknowns are here, with the most likely value.

    Attributes:
        hashes: The valid webhook hashes, by the name of their channel.
        hash_status: The answer to a missing or wrong hash; with 200 it goes unnoticed.
        max_items: Most items that one batch may have.
        max_items_status: The answer to a batch of more.
        max_body_bytes: Size of the largest body; a larger one is answered 413.
        poison: Item keys that make the request carrying them refused.
        poison_status: The answer to such a request.
        rate: Requests per second that pass, all four endpoints together; None sets no limit.
        burst: Requests that pass at once; None means max(2, rate / 10).
        retry_after: The header of a 429: "seconds" (whole, at least 1), "date", "absent", or any
            other text, sent as it is.
        latency_ms: How long every answer is held back.
        jitter_ms: At most this much is added to it, drawn evenly.
        error: Share of requests answered `error_status` and not applied.
        error_status: The answer to those.
        timeout: Share of requests applied and never answered.
        reset: Share of requests whose connection is reset before any answer.
        reset_applied: Whether those are applied.
        hold_seconds: Longest time a connection without an answer is held open.
        outage: What happens to all requests: "off", "status", "refused" or "hung".
        outage_status: The answer during an outage of "status".
        seed: Where the draws of faults and jitter start.
    """

    hashes: Mapping[str, str] = field(default_factory=_default_hashes, repr=False)
    hash_status: int = 401
    max_items: int = 50
    max_items_status: int = 422
    max_body_bytes: int = 10_000_000
    poison: frozenset[str] = frozenset()
    poison_status: int = 422
    rate: float | None = None
    burst: float | None = None
    retry_after: str = RETRY_AFTER_SECONDS
    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    error: float = 0.0
    error_status: int = 503
    timeout: float = 0.0
    reset: float = 0.0
    reset_applied: bool = False
    hold_seconds: float = 60.0
    outage: Outage = Outage.OFF
    outage_status: int = 503
    seed: int = 0

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise SettingsError(problems)
        # A copy behind a read-only view: frozen must hold for what the caller still has in hand.
        object.__setattr__(self, "hashes", MappingProxyType(dict(self.hashes)))

    @property
    def effective_burst(self) -> float:
        """Requests that pass at once under `rate`."""
        if self.burst is not None:
            return self.burst
        return max(2.0, (self.rate or 0.0) / 10)


def _problems(settings: SandboxSettings) -> Iterator[Problem]:
    yield from _hash_problems(settings.hashes)
    for name, least, most, status in (
        ("hash_status", 200, 599, settings.hash_status),
        ("max_items_status", 200, 599, settings.max_items_status),
        ("poison_status", 400, 499, settings.poison_status),
        ("error_status", 500, 599, settings.error_status),
        ("outage_status", 300, 599, settings.outage_status),
    ):
        if not least <= status <= most:
            yield Problem(name, repr(status), f"an HTTP status from {least} to {most}")
    for name, count in (
        ("max_items", settings.max_items),
        ("max_body_bytes", settings.max_body_bytes),
    ):
        if count < 1:
            yield Problem(name, repr(count), "an integer of at least 1")
    for name, amount in (
        ("latency_ms", settings.latency_ms),
        ("jitter_ms", settings.jitter_ms),
        ("hold_seconds", settings.hold_seconds),
    ):
        if not (math.isfinite(amount) and amount >= 0):
            yield Problem(name, repr(amount), "a number of at least 0")
    yield from _limit_problems(settings)
    yield from _share_problems(settings)
    if not _HEADER_TEXT.fullmatch(settings.retry_after):
        yield Problem("retry_after", repr(settings.retry_after), "printable ASCII for a header")


def _limit_problems(settings: SandboxSettings) -> Iterator[Problem]:
    rate, burst = settings.rate, settings.burst
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        yield Problem("rate", repr(rate), "a number of requests per second above 0, or null")
    if burst is not None and not (math.isfinite(burst) and burst >= 1):
        yield Problem("burst", repr(burst), "a number of requests of at least 1, or null")


def _share_problems(settings: SandboxSettings) -> Iterator[Problem]:
    shares = {"error": settings.error, "timeout": settings.timeout, "reset": settings.reset}
    wrong = {name: share for name, share in shares.items() if not 0 <= share <= 1}
    for name, share in wrong.items():
        yield Problem(name, repr(share), "a share from 0 to 1")
    # Three thirds may exceed 1 by a rounding error.
    total = sum(shares.values())
    if not wrong and total > 1 + 1e-9:
        yield Problem("error + timeout + reset", repr(total), "shares of at most 1 together")


def _hash_problems(hashes: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the problems of the hashes, without ever saying a hash."""
    if not hashes:
        yield Problem("hashes", "none", "at least one hash")
    for channel, value in hashes.items():
        if not _CHANNEL_NAME.fullmatch(channel):
            yield Problem("hashes", f"the channel {channel!r}", "letters, digits, '_', '.' and '-'")
        if not _HEADER_TEXT.fullmatch(value) or value == HASH_MASK:
            yield Problem(
                "hashes", f"an unusable hash for channel {channel!r}", "printable ASCII, unmasked"
            )
    if len(set(hashes.values())) < len(hashes):
        yield Problem("hashes", "one hash twice", "a hash of its own for each channel")
