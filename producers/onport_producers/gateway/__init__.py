"""The drop-in HTTP gateway: Onport's own four inbound paths, answered by the relay."""

from onport_producers.gateway.app import Gateway
from onport_producers.gateway.door import Door
from onport_producers.gateway.prefork import Prefork
from onport_producers.gateway.server import Address, serve

__all__ = ["Address", "Door", "Gateway", "Prefork", "serve"]
