"""The moment a request goes out, as seen by whoever sends it."""

from typing import Protocol


class Wire(Protocol):
    """Asked right before the first byte of a request, told right after the last."""

    def may_begin(self) -> bool:
        """Return whether the request may still go out; from here on it may have."""

    def has_gone(self) -> None:
        """Hear that it is out whole."""
