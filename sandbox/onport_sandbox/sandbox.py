"""The sandbox itself: settings in force, limit, chance, counts and receipts."""

from dataclasses import dataclass

from onport_sandbox.bucket import Limit, NoLimit, TokenBucket
from onport_sandbox.clock import Clock
from onport_sandbox.contents import Contents, read_contents
from onport_sandbox.faults import Chance
from onport_sandbox.receipts import Receipt, Receipts
from onport_sandbox.settings import SandboxSettings
from onport_sandbox.stats import Stats, Tally
from onport_sandbox.verdicts import (
    InboundRequest,
    Verdict,
    at_the_door,
    channel_of,
    during_outage,
    on_contents,
    over_the_limit,
    with_fault,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A verdict, and how long to hold it back."""

    verdict: Verdict
    latency_seconds: float


class Sandbox:
    """Decides every request, one after the other; the only state there is.

    What it decides, it writes down at once: the order of the receipts is the order in which
    requests were applied.
    """

    def __init__(self, settings: SandboxSettings, *, clock: Clock, receipts: Receipts) -> None:
        self._clock = clock
        self._receipts = receipts
        self._settings_at_start = settings
        self._settings = settings
        self._limit = self._new_limit()
        self._chance = Chance(settings.seed)
        self._tally = Tally()

    @property
    def settings(self) -> SandboxSettings:
        """The settings in force."""
        return self._settings

    def change(self, settings: SandboxSettings, *, reseed: bool = False) -> None:
        """Put `settings` in force for the next request; a changed limit starts with a full burst.

        With `reseed` the draws of faults start again, even from the same seed.
        """
        before, self._settings = self._settings, settings
        if (before.rate, before.burst) != (settings.rate, settings.burst):
            self._limit = self._new_limit()
        if reseed or before.seed != settings.seed:
            self._chance = Chance(settings.seed)

    def reset(self) -> None:
        """Go back to how it was started: settings, limit, draws, counts. Receipts are kept."""
        self.change(self._settings_at_start, reseed=True)
        self._limit = self._new_limit()
        self._tally = Tally()

    def stats(self) -> Stats:
        """Return the counts since the start or the last reset."""
        return self._tally.stats()

    def arrived(self) -> float:
        """Count a request whose headers are there, and return the Unix time."""
        self._tally.arrived(self._clock.monotonic())
        return self._clock.wall()

    def decide(self, request: InboundRequest, webhook_hash: bytes | None) -> Reply:
        """Decide `request`, count it, write its receipt, and return what it gets."""
        # Before the body is parsed: a large one must not make the request look later than it was.
        at = self._clock.wall()
        channel = channel_of(self._settings, webhook_hash)
        contents = read_contents(request.endpoint, request.body)
        verdict = self._verdict(request, channel, contents, at)
        receipt = Receipt(
            at=at,
            started=request.started,
            method=request.method,
            path=request.endpoint.path,
            kind=request.endpoint.kind,
            channel=channel,
            status=verdict.status,
            applied=verdict.applied,
            fault=verdict.fault,
            items=contents.items,
        )
        self._tally.decided(receipt)
        self._receipts.append(receipt)
        return Reply(verdict, self._chance.latency_seconds(self._settings))

    def _verdict(
        self, request: InboundRequest, channel: str | None, contents: Contents, at: float
    ) -> Verdict:
        settings = self._settings
        refused = during_outage(settings) or at_the_door(settings, request, channel)
        if refused is not None:
            return refused
        wait_seconds = self._limit.take(self._clock.monotonic())
        if wait_seconds:
            return over_the_limit(settings, wait_seconds=wait_seconds, wall=at)
        fault = self._chance.fault(settings)
        return with_fault(settings, fault, on_contents(settings, request, contents))

    def _new_limit(self) -> Limit:
        settings = self._settings
        if settings.rate is None:
            return NoLimit()
        return TokenBucket(
            rate=settings.rate, burst=settings.effective_burst, now=self._clock.monotonic()
        )
