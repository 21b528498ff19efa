"""Put sales, products and variant links into the relay from a shop."""

from onport_producers.asynchronous import AsyncProducer
from onport_producers.producer import Producer
from onport_producers.receipt import Receipt, State, Summary
from onport_producers.storefront import Progress, Rejection, Storefront
from onport_queue.errors import (
    BrokerUnavailableError,
    InvalidJobError,
    RelayError,
    SettingsError,
    SpoolError,
)

__version__ = "0.1.0"

__all__ = [
    "AsyncProducer",
    "BrokerUnavailableError",
    "InvalidJobError",
    "Producer",
    "Progress",
    "Receipt",
    "Rejection",
    "RelayError",
    "SettingsError",
    "SpoolError",
    "State",
    "Storefront",
    "Summary",
]
