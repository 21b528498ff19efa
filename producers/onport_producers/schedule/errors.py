"""What can be wrong with a schedule's source."""

from onport_queue.errors import RelayError


class SourceError(RelayError):
    """A folder or function that a schedule names can't be used. Its text holds no payload."""
