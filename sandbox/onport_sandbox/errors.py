"""The errors of this package.

SandboxError
├── SettingsError        settings were refused; `problems` names every field at fault
├── UnreadableError      a receipt or a reply is not what a sandbox writes
└── SandboxProcessError  a sandbox process did not start, or does not answer
"""

from dataclasses import dataclass


class SandboxError(Exception):
    """Any failure of the sandbox itself; never raised for a request it refuses."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused setting: the field, what it was given (as text), and what was expected."""

    field: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.field}: got {self.value}, expected {self.expected}"


class SettingsError(SandboxError):
    """Settings were refused; every field at fault is in `problems`."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class UnreadableError(SandboxError):
    """A receipt or a reply is not what a sandbox writes."""


class SandboxProcessError(SandboxError):
    """A sandbox process did not start, is not running, or did not answer as it should."""
