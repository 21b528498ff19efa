"""What a request gets: pure decisions, from the settings and the request to a verdict."""

import hmac
import math
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum, auto
from http import HTTPStatus
from typing import assert_never

from onport_sandbox.contents import Contents, Shape
from onport_sandbox.endpoints import Endpoint
from onport_sandbox.faults import Fault
from onport_sandbox.settings import (
    RETRY_AFTER_ABSENT,
    RETRY_AFTER_DATE,
    RETRY_AFTER_SECONDS,
    Outage,
    SandboxSettings,
)

JSON_MEDIA_TYPE = b"application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRequest:
    """One request as it arrived; a body of None was larger than allowed."""

    endpoint: Endpoint
    method: str
    content_type: bytes
    body: bytes | None
    started: float


class Ending(Enum):
    """What becomes of the connection."""

    ANSWERED = auto()
    HELD = auto()
    RESET = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one request; its status is None when none is given."""

    ending: Ending = Ending.ANSWERED
    status: int | None
    reason: str = ""
    applied: bool = False
    fault: Fault | None = None
    header: tuple[bytes, bytes] | None = None


ACCEPTED = Verdict(status=HTTPStatus.OK.value, applied=True)


def channel_of(settings: SandboxSettings, given: bytes | None) -> str | None:
    """Return the channel that the hash `given` stands for, in constant time."""
    found = None
    for channel, value in settings.hashes.items():
        # No early exit: the time taken must not tell which hash was close.
        if hmac.compare_digest(value.encode(), given or b""):
            found = channel
    return found


def during_outage(settings: SandboxSettings) -> Verdict | None:
    """Return what every request gets while there is an outage, None when there is none."""
    match settings.outage:
        case Outage.OFF:
            return None
        case Outage.STATUS:
            return Verdict(status=settings.outage_status, reason="outage", fault=Fault.OUTAGE)
        case Outage.REFUSED:
            return Verdict(ending=Ending.RESET, status=None, fault=Fault.OUTAGE)
        case Outage.HUNG:
            return Verdict(ending=Ending.HELD, status=None, fault=Fault.OUTAGE)
        case _:
            assert_never(settings.outage)


def at_the_door(
    settings: SandboxSettings, request: InboundRequest, channel: str | None
) -> Verdict | None:
    """Refuse what used the wrong method or has no channel; None lets it in."""
    method = request.endpoint.method
    if request.method != method:
        return Verdict(
            status=HTTPStatus.METHOD_NOT_ALLOWED.value,
            reason=f"expected the method {method}",
            header=(b"allow", method.encode()),
        )
    if channel is None:
        return Verdict(
            status=settings.hash_status, reason="the header jetti-webhook-hash is missing or wrong"
        )
    return None


def over_the_limit(settings: SandboxSettings, *, wait_seconds: float, wall: float) -> Verdict:
    """Refuse a request that came `wait_seconds` too early."""
    text = _retry_after(settings.retry_after, wait_seconds, wall)
    return Verdict(
        status=HTTPStatus.TOO_MANY_REQUESTS.value,
        reason="too many requests",
        fault=Fault.THROTTLED,
        header=None if text is None else (b"retry-after", text.encode()),
    )


def on_contents(settings: SandboxSettings, request: InboundRequest, contents: Contents) -> Verdict:
    """Judge what a request carries: accepted, or the first thing wrong with it."""
    if request.content_type.partition(b";")[0].strip().lower() != JSON_MEDIA_TYPE:
        return _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json")
    match contents.shape:
        case Shape.TOO_LARGE:
            reason = f"expected a body of at most {settings.max_body_bytes} bytes"
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
        case Shape.NO_JSON:
            return _refusal(HTTPStatus.BAD_REQUEST, "expected a body of JSON")
        case Shape.WRONG_TYPE:
            wanted = "an array" if request.endpoint.takes_batches else "an object"
            return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected {wanted}")
        case Shape.FITS:
            return _on_items(settings, contents)
        case _:
            assert_never(contents.shape)


def with_fault(settings: SandboxSettings, fault: Fault | None, verdict: Verdict) -> Verdict:
    """Return `verdict` as `fault` spoils it."""
    match fault:
        case Fault.ERROR:
            return Verdict(status=settings.error_status, reason="error on purpose", fault=fault)
        case Fault.TIMEOUT:
            return Verdict(ending=Ending.HELD, status=None, applied=verdict.applied, fault=fault)
        case Fault.RESET:
            applied = verdict.applied and settings.reset_applied
            return Verdict(ending=Ending.RESET, status=None, applied=applied, fault=fault)
        case Fault.THROTTLED | Fault.OUTAGE | None:
            return verdict
        case _:
            assert_never(fault)


def _on_items(settings: SandboxSettings, contents: Contents) -> Verdict:
    if len(contents.items) > settings.max_items:
        return Verdict(
            status=settings.max_items_status, reason=f"expected at most {settings.max_items} items"
        )
    if settings.poison and any(item.key in settings.poison for item in contents.items):
        return Verdict(status=settings.poison_status, reason="an item is refused")
    return ACCEPTED


def _refusal(status: HTTPStatus, reason: str) -> Verdict:
    return Verdict(status=status.value, reason=reason)


def _retry_after(form: str, wait_seconds: float, wall: float) -> str | None:
    whole_seconds = max(1, math.ceil(wait_seconds))
    if form == RETRY_AFTER_SECONDS:
        return str(whole_seconds)
    if form == RETRY_AFTER_DATE:
        # Dates have whole seconds: rounding up keeps the promise that the token is there by then.
        return formatdate(math.ceil(wall + wait_seconds), usegmt=True)
    if form == RETRY_AFTER_ABSENT:
        return None
    return form
