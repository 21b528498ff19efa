"""The state of an account, as scripts, terminals and pages show it."""

from onport_queue.picture.document import picture_of
from onport_queue.picture.expectations import expectations
from onport_queue.picture.forecast import drain_s, forecast, requests_left
from onport_queue.picture.rates import allowed_rate, learnt_limit, rates
from onport_queue.picture.text import counted, figure, local, printable
from onport_queue.picture.used import UsedRate

__all__ = [
    "UsedRate",
    "allowed_rate",
    "counted",
    "drain_s",
    "expectations",
    "figure",
    "forecast",
    "learnt_limit",
    "local",
    "picture_of",
    "printable",
    "rates",
    "requests_left",
]
