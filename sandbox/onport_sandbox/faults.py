"""What goes wrong on purpose, and how it is drawn."""

import random
from enum import StrEnum

from onport_sandbox.settings import SandboxSettings


class Fault(StrEnum):
    """Why a request got another answer than its contents deserved."""

    ERROR = "error"
    TIMEOUT = "timeout"
    RESET = "reset"
    THROTTLED = "throttled"
    OUTAGE = "outage"


class Chance:
    """The draws of one run: the same seed and requests give the same faults.

    Faults and jitter draw from two sources, so that setting a jitter does not move the faults.
    """

    def __init__(self, seed: int) -> None:
        self._faults = random.Random(f"faults:{seed}")  # noqa: S311 (drawn to repeat, no secret)
        self._jitter = random.Random(f"jitter:{seed}")  # noqa: S311 (drawn to repeat, no secret)

    def fault(self, settings: SandboxSettings) -> Fault | None:
        """Draw the fault of the next request, by the shares of `settings`."""
        return fault_at(settings, self._faults.random())

    def latency_seconds(self, settings: SandboxSettings) -> float:
        """Draw how long the next answer is held back."""
        if not settings.jitter_ms:
            return settings.latency_ms / 1000
        return (settings.latency_ms + self._jitter.uniform(0, settings.jitter_ms)) / 1000


def fault_at(settings: SandboxSettings, draw: float) -> Fault | None:
    """Return the fault that `draw`, in [0, 1), stands for: the shares laid end to end."""
    if draw < settings.error:
        return Fault.ERROR
    if draw < settings.error + settings.timeout:
        return Fault.TIMEOUT
    if draw < settings.error + settings.timeout + settings.reset:
        return Fault.RESET
    return None
