"""Settings as JSON: what the control address, the command line and a parent process speak."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TypeVar

from onport_sandbox.documents import Json
from onport_sandbox.errors import Problem, SettingsError
from onport_sandbox.settings import HASH_MASK, Outage, SandboxSettings

FAULTS = "faults"
FAULT_SHARES = ("error", "timeout", "reset")
SETTING_NAMES = tuple(field.name for field in fields(SandboxSettings))

Current = TypeVar("Current")


def settings_document(settings: SandboxSettings, *, reveal_hashes: bool) -> dict[str, Json]:
    """Return `settings` as a JSON object; its hashes are masked unless they are to be revealed."""
    return {
        "hashes": {
            channel: value if reveal_hashes else HASH_MASK
            for channel, value in settings.hashes.items()
        },
        "hash_status": settings.hash_status,
        "max_items": settings.max_items,
        "max_items_status": settings.max_items_status,
        "max_body_bytes": settings.max_body_bytes,
        "poison": [*sorted(settings.poison)],
        "poison_status": settings.poison_status,
        "rate": settings.rate,
        "burst": settings.burst,
        "retry_after": settings.retry_after,
        "latency_ms": settings.latency_ms,
        "jitter_ms": settings.jitter_ms,
        "error": settings.error,
        "error_status": settings.error_status,
        "timeout": settings.timeout,
        "reset": settings.reset,
        "reset_applied": settings.reset_applied,
        "hold_seconds": settings.hold_seconds,
        "outage": settings.outage.value,
        "outage_status": settings.outage_status,
        "seed": settings.seed,
    }


def changed_settings(settings: SandboxSettings, document: Json) -> SandboxSettings:
    """Return `settings` with the fields of `document` laid over them.

    `faults` stands for a share spread evenly over `error`, `timeout` and `reset`.

    Raises:
        SettingsError: A field is unknown, of the wrong type or out of its range. All are named.
    """
    if not isinstance(document, dict):
        raise SettingsError((Problem("settings", type(document).__name__, "a JSON object"),))
    change = _Change(document)
    each = change.share_of_each_fault()
    try:
        changed = SandboxSettings(
            hashes=change.texts_by_name("hashes", settings.hashes),
            hash_status=change.integer("hash_status", settings.hash_status),
            max_items=change.integer("max_items", settings.max_items),
            max_items_status=change.integer("max_items_status", settings.max_items_status),
            max_body_bytes=change.integer("max_body_bytes", settings.max_body_bytes),
            poison=change.texts("poison", settings.poison),
            poison_status=change.integer("poison_status", settings.poison_status),
            rate=change.number_or_null("rate", settings.rate),
            burst=change.number_or_null("burst", settings.burst),
            retry_after=change.text("retry_after", settings.retry_after),
            latency_ms=change.number("latency_ms", settings.latency_ms),
            jitter_ms=change.number("jitter_ms", settings.jitter_ms),
            error=change.number("error", settings.error if each is None else each),
            error_status=change.integer("error_status", settings.error_status),
            timeout=change.number("timeout", settings.timeout if each is None else each),
            reset=change.number("reset", settings.reset if each is None else each),
            reset_applied=change.flag("reset_applied", settings.reset_applied),
            hold_seconds=change.number("hold_seconds", settings.hold_seconds),
            outage=change.outage("outage", settings.outage),
            outage_status=change.integer("outage_status", settings.outage_status),
            seed=change.integer("seed", settings.seed),
        )
    except SettingsError as error:
        raise SettingsError((*change.problems, *error.problems)) from None
    if change.problems:
        raise SettingsError(tuple(change.problems))
    return changed


class _Change:
    """Reads the fields of a change; one that cannot be read is a problem and changes nothing."""

    def __init__(self, document: dict[str, Json]) -> None:
        self._document = document
        self.problems = [
            Problem(name, "an unknown setting", f"one of {', '.join((*SETTING_NAMES, FAULTS))}")
            for name in document
            if name not in SETTING_NAMES and name != FAULTS
        ]

    def share_of_each_fault(self) -> float | None:
        """Return a third of `faults`, or None when it is not given."""
        if FAULTS not in self._document:
            return None
        share = self.number(FAULTS, 0.0)
        if not 0 <= share <= 1:
            self.problems.append(Problem(FAULTS, repr(share), "a share from 0 to 1"))
            return None
        for name in FAULT_SHARES:
            if name in self._document:
                self.problems.append(Problem(name, f"both it and {FAULTS}", "one of the two"))
        return share / len(FAULT_SHARES)

    def integer(self, name: str, current: int) -> int:
        value = self._document.get(name, current)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return self._wrong(name, "an integer", current)

    def number(self, name: str, current: float) -> float:
        value = self._document.get(name, current)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        return self._wrong(name, "a number", current)

    def number_or_null(self, name: str, current: float | None) -> float | None:
        value = self._document.get(name, current)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        return self._wrong(name, "a number or null", current)

    def flag(self, name: str, current: bool) -> bool:  # noqa: FBT001 (a value, not a switch)
        value = self._document.get(name, current)
        return value if isinstance(value, bool) else self._wrong(name, "true or false", current)

    def text(self, name: str, current: str) -> str:
        value = self._document.get(name, current)
        return value if isinstance(value, str) else self._wrong(name, "a string", current)

    def outage(self, name: str, current: Outage) -> Outage:
        value = self._document.get(name, current.value)
        if isinstance(value, str) and value in {outage.value for outage in Outage}:
            return Outage(value)
        return self._wrong(name, f"one of {', '.join(Outage)}", current)

    def texts(self, name: str, current: frozenset[str]) -> frozenset[str]:
        value = self._document.get(name)
        if name not in self._document:
            return current
        if isinstance(value, list):
            found = frozenset(element for element in value if isinstance(element, str))
            if all(isinstance(element, str) for element in value):
                return found
        return self._wrong(name, "an array of strings", current)

    def texts_by_name(self, name: str, current: Mapping[str, str]) -> Mapping[str, str]:
        value = self._document.get(name)
        if name not in self._document:
            return current
        if isinstance(value, dict):
            found = {key: text for key, text in value.items() if isinstance(text, str)}
            if len(found) == len(value):
                return found
        # What was given may hold a hash: its type is all that may be said.
        problem = Problem(name, type(value).__name__, "an object of channel names and hashes")
        self.problems.append(problem)
        return current

    def _wrong(self, name: str, expected: str, current: Current) -> Current:
        self.problems.append(Problem(name, repr(self._document[name])[:200], expected))
        return current
