"""The state of an account, as scripts, terminals and pages show it."""

from onport_queue.picture.document import picture_of
from onport_queue.picture.forecast import drain_s, requests_left
from onport_queue.picture.rates import allowed_rate, learnt_limit, rates
from onport_queue.picture.text import figure, local, printable

__all__ = [
    "allowed_rate",
    "drain_s",
    "figure",
    "learnt_limit",
    "local",
    "picture_of",
    "printable",
    "rates",
    "requests_left",
]
