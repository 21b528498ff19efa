"""What can go wrong, as a caller would tell it apart.

RelayError
├── InvalidJobError       a payload that can't be keyed or is not of a documented JSON type
├── SettingsError         settings that contradict themselves or can't be read
├── BrokerUnavailableError  Redis can't be reached or refuses to write
│   └── SpoolError        ... and the spool can't take or give what was put
├── VolatileBrokerError   Redis may forget what it was given
└── NewerFormatError      a newer release has written the queue; a RedisError too
"""

from dataclasses import dataclass

from redis.exceptions import ResponseError


class RelayError(Exception):
    """Anything the relay refuses or cannot do; its text is written for the person who reads it."""


@dataclass
class InvalidJobError(RelayError):
    """A payload that can't be keyed or is not of a documented JSON type.

    Attributes:
        place: the field, e.g. ``lineItems.0.quantity``; empty for the payload as a whole.
        problem: what it is and what was expected. Never the field's value: it may be personal data.
    """

    place: str
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}" if self.place else self.problem


class SettingsError(RelayError):
    """Settings that can't be read or contradict themselves; one line per fault."""


class BrokerUnavailableError(RelayError):
    """Redis can't be reached, or refuses to write."""


class SpoolError(BrokerUnavailableError):
    """The spool, where puts are kept while Redis is away, can't be used: it has not got the put.

    Redis may have it, if it did not answer in time; putting it again is safe.
    """


class VolatileBrokerError(RelayError):
    """Redis is set up so that it may forget what it was given."""


class NewerFormatError(RelayError, ResponseError):
    """A newer release has written the queue in a format that this one does not read.

    Nothing was changed. Whoever meets it while at work goes on as if Redis were away: a producer
    spools, until it is upgraded.
    """
