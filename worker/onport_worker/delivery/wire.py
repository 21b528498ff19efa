"""The moment a request goes out, as seen by whoever sends it."""

from typing import Protocol


class Wire(Protocol):
    """Asked right before the head and right before the body of a request, told after the last byte.

    What is withheld in between has no body, so it is no request.
    """

    def may_go_on(self) -> bool:
        """Return whether the request may still go out; from here on it may have."""

    def has_gone(self) -> None:
        """Hear that it is out whole."""
