"""What can go wrong with the shop's database.

OutboxError                 the address is none, or there is no outbox at it
└── DatabaseUnavailableError  it can't be reached, or refuses
"""

from onport_queue.errors import RelayError


class OutboxError(RelayError):
    """The outbox can't be used as it was asked."""


class DatabaseUnavailableError(OutboxError):
    """The database can't be reached, or refuses."""
